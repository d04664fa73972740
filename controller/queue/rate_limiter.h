// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <unordered_map>

#include "api/meta.h"
#include "support/clock.h"

namespace vnic::queue {

// Per-item exponential back-off: the n-th failure in a row waits initial * 2^n, at most cap.
// Not thread-safe; the work queue guards it.
class RateLimiter {
 public:
  struct Policy {
    Duration initial = std::chrono::milliseconds(5);
    Duration cap = std::chrono::seconds(1000);
  };

  RateLimiter() = default;
  explicit RateLimiter(Policy policy) : policy_(policy) {}

  // How long to wait before the next try; counts one failure.
  Duration next(const api::ObjectKey& key);
  // The item succeeded: its next failure starts from `initial` again.
  void forget(const api::ObjectKey& key) { failures_.erase(key); }
  int failures(const api::ObjectKey& key) const;

 private:
  Policy policy_;
  std::unordered_map<api::ObjectKey, int> failures_;
};

}  // namespace vnic::queue
