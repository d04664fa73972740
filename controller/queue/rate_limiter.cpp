// SPDX-License-Identifier: Apache-2.0
#include "queue/rate_limiter.h"

namespace vnic::queue {

Duration RateLimiter::next(const api::ObjectKey& key) {
  const int failures = failures_[key]++;
  Duration delay = policy_.initial;
  // Doubling stops at the cap, so that no count of failures can overflow the shift.
  for (int i = 0; i < failures && delay < policy_.cap; ++i) delay *= 2;
  return delay < policy_.cap ? delay : policy_.cap;
}

int RateLimiter::failures(const api::ObjectKey& key) const {
  const auto found = failures_.find(key);
  return found == failures_.end() ? 0 : found->second;
}

}  // namespace vnic::queue
