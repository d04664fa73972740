// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <stop_token>

namespace vnic {

using Duration = std::chrono::nanoseconds;
using MonoTime = std::chrono::steady_clock::time_point;  // for deadlines and intervals
using WallTime = std::chrono::system_clock::time_point;  // for what people and other programs read

// Time is injected: tests and the simulated world bring their own.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonoTime now() const = 0;
  virtual WallTime wall() const = 0;
  // Waits until `duration` has passed or the token is stopped; false when stopped.
  virtual bool sleepFor(Duration duration, std::stop_token stop) = 0;
};

class SystemClock final : public Clock {
 public:
  MonoTime now() const override { return std::chrono::steady_clock::now(); }
  WallTime wall() const override { return std::chrono::system_clock::now(); }
  bool sleepFor(Duration duration, std::stop_token stop) override;
};

}  // namespace vnic
