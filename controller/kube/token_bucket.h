// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <mutex>

#include "support/clock.h"

namespace vnic::kube {

// The client-side limit on requests: `perSecond` on average, `burst` at once; perSecond <= 0 is no
// limit. Callers queue up in order: each take() says how long its caller has to wait.
class TokenBucket {
 public:
  TokenBucket(double perSecond, int burst, MonoTime now)
      : perSecond_(perSecond), burst_(std::max(1, burst)), tokens_(burst_), at_(now) {}

  Duration take(MonoTime now) {
    if (perSecond_ <= 0) return Duration::zero();
    const std::lock_guard lock(mutex_);
    const double passed = std::chrono::duration<double>(now - at_).count();
    tokens_ = std::min(burst_, tokens_ + std::max(0.0, passed) * perSecond_);
    at_ = std::max(at_, now);
    tokens_ -= 1;
    if (tokens_ >= 0) return Duration::zero();
    return std::chrono::duration_cast<Duration>(
        std::chrono::duration<double>(-tokens_ / perSecond_));
  }

 private:
  const double perSecond_;
  const double burst_;
  std::mutex mutex_;
  double tokens_;  // below zero: taken in advance by callers that wait
  MonoTime at_;
};

}  // namespace vnic::kube
