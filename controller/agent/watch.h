// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "agent/host_state.h"
#include "support/clock.h"

namespace vnic::agent {

// What happened since the last look.
struct Changes {
  bool woken = false;             // somebody called wake()
  bool links = false;             // devices came, went or changed
  bool lost = false;              // more happened than could be heard: read everything
  std::vector<FdbEntry> heard{};  // entries that came or changed, in order; they may be gone again
  std::vector<FdbEntry> removed{};
};

// Where the agent sleeps until something happens.
class Watch {
 public:
  virtual ~Watch() = default;
  // Returns at the first change, at a wake(), or after `patience`.
  virtual Changes wait(Duration patience) = 0;
  virtual void wake() = 0;
};

}  // namespace vnic::agent
