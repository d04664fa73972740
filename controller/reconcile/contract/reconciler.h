// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>

#include "api/meta.h"
#include "support/clock.h"
#include "support/error.h"

namespace vnic::reconcile {

// A call to a host may take this long; a leader whose Lease ends sooner must not begin one.
constexpr Duration kLeaseMargin = std::chrono::seconds(2);

// What a pass asks of the queue: nothing more (done), or another pass after a while.
struct Done {
  std::optional<Duration> requeueAfter;
};

// One kind's control loop. A pass is level-triggered: it looks at the world as it is, takes one
// step towards the goal, and may be repeated at any time. A pass for one key never runs twice at
// once.
//
// The caller's rule for the result (as in controller-runtime):
//   error, Conflict       -> rate-limited retry, logged quietly
//   error, Terminal/Invalid -> counted, not retried until something changes
//   error, other          -> rate-limited retry
//   requeueAfter          -> back-off forgotten, again after that time
//   done                  -> back-off forgotten
class Reconciler {
 public:
  virtual ~Reconciler() = default;
  virtual Result<Done> reconcile(const api::ObjectKey& key, std::stop_token stop) = 0;
};

}  // namespace vnic::reconcile
