// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <mutex>

#include "support/clock.h"

namespace vnic::kube {

// Counts requests under way, so that a transport does not go away under them.
class InFlight {
 public:
  void begin() {
    const std::lock_guard lock(mutex_);
    ++count_;
  }
  void end() {
    const std::lock_guard lock(mutex_);
    if (--count_ == 0) idle_.notify_all();
  }
  void waitIdle(Duration atMost) {
    std::unique_lock lock(mutex_);
    idle_.wait_for(lock, atMost, [this] { return count_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable idle_;
  int count_ = 0;
};

}  // namespace vnic::kube
