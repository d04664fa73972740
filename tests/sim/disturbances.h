// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sim/world.h"

namespace vnic::sim {

// One thing that people or hosts do at some time of a random history.
struct Disturbance {
  Duration at{};
  std::string what;
  std::function<void(World&)> act;
};

// Of all kinds, for the hosts and VMs that the world has.
std::vector<Disturbance> drawDisturbances(Random& random, const World& world, int number);

}  // namespace vnic::sim
