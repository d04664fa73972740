// SPDX-License-Identifier: Apache-2.0
// Waiting for what others do in their own time.
#pragma once

#include <chrono>
#include <thread>

namespace vnic::test {

// Asks, `pause` apart, until the answer is yes; false when it was never within `patience`. A longer
// pause is for questions that cost the machine something, such as starting a program.
template <class Condition>
bool eventually(std::chrono::nanoseconds patience, const Condition& condition,
                std::chrono::nanoseconds pause = std::chrono::milliseconds(10)) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(pause);
  }
  return true;
}

}  // namespace vnic::test
