// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <vector>

#include "support/clock.h"

namespace vnic::test {

// Time that moves only when a test, or a sleep of the code under test, moves it. A sleep returns at
// once with the time moved on, and is remembered. Thread-safe.
class ManualClock final : public Clock {
 public:
  MonoTime now() const override {
    const std::lock_guard lock(mutex_);
    return MonoTime{} + std::chrono::hours(1) + elapsed_;
  }
  WallTime wall() const override {
    const std::lock_guard lock(mutex_);
    return WallTime{} + std::chrono::hours(24 * 365 * 50) +
           std::chrono::duration_cast<WallTime::duration>(elapsed_);
  }
  bool sleepFor(Duration duration, std::stop_token stop) override {
    const std::lock_guard lock(mutex_);
    if (stop.stop_requested()) return false;
    elapsed_ += duration;
    sleeps_.push_back(duration);
    return true;
  }

  void advance(Duration duration) {
    const std::lock_guard lock(mutex_);
    elapsed_ += duration;
  }
  std::vector<Duration> sleeps() const {
    const std::lock_guard lock(mutex_);
    return sleeps_;
  }

 private:
  mutable std::mutex mutex_;
  Duration elapsed_{};
  std::vector<Duration> sleeps_;
};

}  // namespace vnic::test
