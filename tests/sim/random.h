// SPDX-License-Identifier: Apache-2.0
// One seed decides everything, on every machine: no std::*_distribution, whose results differ
// between libraries.
#pragma once

#include <cstdint>
#include <vector>

#include "support/clock.h"

namespace vnic::sim {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {  // splitmix64
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  // 0 ... n-1
  std::size_t below(std::size_t n) { return n == 0 ? 0 : static_cast<std::size_t>(next() % n); }
  int between(int low, int high) {
    return low + static_cast<int>(below(static_cast<std::size_t>(high - low + 1)));
  }
  bool percent(int chance) { return static_cast<int>(below(100)) < chance; }
  Duration between(Duration low, Duration high) {
    return low + Duration(static_cast<Duration::rep>(
                     next() % static_cast<std::uint64_t>((high - low).count() + 1)));
  }
  template <class T>
  const T& oneOf(const std::vector<T>& choices) {
    return choices[below(choices.size())];
  }

 private:
  std::uint64_t state_;
};

}  // namespace vnic::sim
