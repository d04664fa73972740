// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <random>

#include "support/clock.h"

namespace vnic {

// Exponential back-off with jitter. client-go's reflector uses 0.8 s, factor 2, cap 30 s,
// jitter 1.0 (a delay d becomes d..2d) and starts afresh after two minutes of health; the owner
// calls reset().
class Backoff {
 public:
  struct Policy {
    Duration initial = std::chrono::milliseconds(800);
    Duration cap = std::chrono::seconds(30);
    double factor = 2.0;
    double jitter = 1.0;
  };

  Backoff(Policy policy, std::uint64_t seed) : policy_(policy), base_(policy.initial), rng_(seed) {}

  Duration next() {
    const double jitter = std::uniform_real_distribution<>(0.0, policy_.jitter)(rng_);
    const auto delay =
        Duration(static_cast<Duration::rep>(static_cast<double>(base_.count()) * (1.0 + jitter)));
    base_ = std::min(
        policy_.cap,
        Duration(static_cast<Duration::rep>(static_cast<double>(base_.count()) * policy_.factor)));
    return delay;
  }

  void reset() { base_ = policy_.initial; }

 private:
  Policy policy_;
  Duration base_;
  std::mt19937_64 rng_;
};

}  // namespace vnic
