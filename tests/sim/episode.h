// SPDX-License-Identifier: Apache-2.0
// A random history: a few hosts and VMs, migrations, and disturbances of all kinds, all of them
// from one seed. When a promise is broken, the disturbances that it does not need are left out one
// by one, so that what remains can be read.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sim/world.h"

namespace vnic::sim {

struct Outcome {
  std::uint64_t steps = 0;
  std::uint64_t migrations = 0;
  ApiCalls mostCalls;     // of one migration
  std::string violation;  // "" = all promises were kept
  std::string history;
  std::vector<std::string> disturbances;  // those that took place, in the order of their numbers
};

// `keep`: only the disturbances with these numbers; nullopt = all.
Outcome runEpisode(std::uint64_t seed, const std::optional<std::set<std::size_t>>& keep);

// The fewest disturbances, found by leaving out, with which the same seed still breaks a promise.
std::set<std::size_t> shrink(std::uint64_t seed, std::size_t disturbances);

}  // namespace vnic::sim
