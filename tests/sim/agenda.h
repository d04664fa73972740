// SPDX-License-Identifier: Apache-2.0
// Virtual time: what is going to happen, and when.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "support/manual_clock.h"

namespace vnic::sim {

class Agenda {
 public:
  explicit Agenda(test::ManualClock& clock) : clock_(clock) {}

  void in(Duration after, std::function<void()> what) {
    entries_.emplace(std::make_pair(clock_.now() + after, ++sequence_), std::move(what));
  }

  std::optional<MonoTime> next() const {
    if (entries_.empty()) return std::nullopt;
    return entries_.begin()->first.first;
  }

  // Carries out the first entry that is due; false when none is.
  bool runOne() {
    if (entries_.empty() || entries_.begin()->first.first > clock_.now()) return false;
    const auto what = std::move(entries_.begin()->second);
    entries_.erase(entries_.begin());
    what();
    return true;
  }

  // Moves the clock on and carries out what falls due meanwhile, each at its time.
  void pass(Duration duration) {
    const MonoTime end = clock_.now() + duration;
    while (next() && *next() <= end) {
      if (*next() > clock_.now()) clock_.advance(*next() - clock_.now());
      runOne();
    }
    if (end > clock_.now()) clock_.advance(end - clock_.now());
  }

 private:
  test::ManualClock& clock_;
  std::uint64_t sequence_ = 0;
  std::map<std::pair<MonoTime, std::uint64_t>, std::function<void()>> entries_;
};

}  // namespace vnic::sim
