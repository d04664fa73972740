// SPDX-License-Identifier: Apache-2.0
#include "sim/episode.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "sim/disturbances.h"
#include "sim/world.h"

namespace vnic::sim {
namespace {

using namespace std::chrono_literals;

constexpr Duration kTroubled = 300s;

void populate(World& world, Random& random) {
  const int hosts = random.between(2, 4);
  for (int i = 1; i <= hosts; ++i) {
    const std::string name = fmt::format("host{}", i);
    if (random.percent(40)) {
      world.addHostWithTwoPfs(name, random.between(1, 3));
    } else {
      world.addHost(name, random.between(2, 4));
    }
    if (random.percent(50)) world.addStranger(name, false);
  }
  const int vms = random.between(1, 3);
  for (int i = 1; i <= vms; ++i) {
    const std::string host = random.oneOf(world.hostNames);
    const int nics = random.between(1, 2);
    // Not more than the host has VFs for.
    if (world.unusedVfs(host).size() < static_cast<std::size_t>(nics)) continue;
    world.addVm(fmt::format("vm{}", i), host, nics, random.percent(75), random.percent(30));
  }
  if (world.vms.empty()) world.addVm("vm1", "host1", 1);
  for (const VmInfo& vm : world.vms) {
    const std::string host = random.oneOf(world.hostNames);
    if (host != vm.startedOn && random.percent(15)) world.addNamesake(host, vm.name);
  }
}

}  // namespace

Outcome runEpisode(std::uint64_t seed, const std::optional<std::set<std::size_t>>& keep) {
  Random draw(seed * 2 + 1);  // apart from what the world draws while it runs
  World world(seed, Order::Random);
  populate(world, draw);
  world.startOperator();
  world.settle();
  Outcome outcome;
  const auto all = drawDisturbances(draw, world, draw.between(5, 30));
  for (std::size_t i = 0; i < all.size(); ++i) {
    outcome.disturbances.push_back(all[i].what);
    if (keep && !keep->contains(i)) continue;
    world.agenda.in(all[i].at, [&world, d = all[i], i] {
      world.note(fmt::format("[{}] {}", i, d.what));
      d.act(world);
    });
  }
  const MonoTime end = world.clock.now() + kTroubled;
  while (world.violation.empty() && world.clock.now() < end && world.step()) {
  }
  if (world.violation.empty()) {
    world.heal();
    world.settle(60min);
  }
  if (world.violation.empty()) world.checkAtRest();
  outcome.steps = world.steps;
  outcome.migrations = world.server.all<api::VmMigration>().size();
  outcome.mostCalls = world.mostCalls;
  outcome.violation = world.violation;
  outcome.history = world.history();
  return outcome;
}

std::set<std::size_t> shrink(std::uint64_t seed, std::size_t disturbances) {
  std::set<std::size_t> kept;
  for (std::size_t i = 0; i < disturbances; ++i) kept.insert(i);
  // Halves first, then quarters, ... single ones.
  for (std::size_t part = std::max<std::size_t>(1, kept.size() / 2);; part /= 2) {
    std::vector<std::size_t> order(kept.begin(), kept.end());
    for (std::size_t from = 0; from < order.size(); from += part) {
      std::set<std::size_t> fewer = kept;
      for (std::size_t i = from; i < std::min(order.size(), from + part); ++i) {
        fewer.erase(order[i]);
      }
      if (!runEpisode(seed, fewer).violation.empty()) kept = fewer;
    }
    if (part <= 1) return kept;
  }
}

}  // namespace vnic::sim
