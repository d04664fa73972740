// SPDX-License-Identifier: Apache-2.0
// Histories with a defined end. Each runs by itself, with the operator killed after every one of
// its effects, and with two operators at once.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sim/world.h"

namespace vnic::sim {

struct Scenario {
  std::string name;
  std::function<void(World&)> arrange;  // hosts and VMs; then everything comes to rest
  std::function<void(World&)> begin;    // what is asked for, and what goes wrong meanwhile
  // Each migration's end, in the order of their names: "Succeeded host2" (phase, where the VM
  // runs). The first one when nothing else disturbs it; the others are as good when an operator
  // that dies, or two of them, make it take another way.
  std::vector<std::string> ends;
};

const std::vector<Scenario>& scenarios();

// A person cancels the migration "move", or deletes it.
void cancel(World& world, bool byDeletion);

// Arranged, at rest, begun.
void begin(World& world, const Scenario& scenario);
// Runs it to its end; "" or what is wrong with it.
std::string finish(World& world, const Scenario& scenario, bool disturbed = false);

}  // namespace vnic::sim
