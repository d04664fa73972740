// SPDX-License-Identifier: Apache-2.0
// Migrations that wait for others.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "api/names.h"
#include "unit/reconcile/vm_migration/world.h"

namespace vnic::test {
namespace {

constexpr int kMayRun = 5;

api::ObjectKey add(World& world, const std::string& name, const std::string& targetHost) {
  api::VmMigration m;
  m.metadata.ns = "team-a";
  m.metadata.name = name;
  m.spec.vmName = name;
  m.status.targetHost = targetHost;
  world.client.add(m);
  return m.metadata.key();
}

void finish(World& world, const api::ObjectKey& key) {
  const nlohmann::json done{
      {"metadata", {{"annotations", {{api::kFinishedAnnotation, "Succeeded"}}}}}};
  ASSERT_TRUE(
      world.client.patch(api::VmMigration::resource, key, kube::PatchType::Merge, done, {}));
}

// As many as may run; the names come before any other.
std::vector<api::ObjectKey> addRunning(World& world) {
  std::vector<api::ObjectKey> running;
  for (int i = 0; i < kMayRun; ++i) {
    running.push_back(add(world, fmt::format("active-{}", i), "host9"));
  }
  return running;
}

TEST(VmMigrationQueue, WhoWaitsLooksAtTheHostsAgainWhenItsTurnHasCome) {
  World world;
  world.addVm();
  const auto running = addRunning(world);
  world.addMigration();
  world.pass();
  const api::VmMigration waiting = world.migration();
  ASSERT_EQ(waiting.status.phase, "Pending");
  ASSERT_EQ(reasonOf(waiting), "TooManyMigrations");

  world.hypervisor.setAway("host2", true);
  world.pass();
  EXPECT_EQ(world.migration().status, waiting.status) << "it said something of the hosts";

  finish(world, running.front());
  world.pass();
  EXPECT_EQ(reasonOf(world.migration()), "HostUnknown");
  world.hypervisor.setAway("host2", false);
  world.settle();
  EXPECT_EQ(world.migration().status.phase, "Succeeded");
}

TEST(VmMigrationQueue, WhoWaitsCanBeCancelled) {
  World world;
  world.addVm();
  addRunning(world);
  world.addMigration();
  world.pass();
  world.client.edit<api::VmMigration>({"team-a", "move"}, [](auto& spec) { spec.cancel = true; });
  world.settle();
  EXPECT_EQ(world.migration().status.phase, "Cancelled");
}

TEST(VmMigrationQueue, ThePlaceIsToldWhenItHasMovedByATenth) {
  World world;
  world.addVm();
  addRunning(world);
  std::vector<api::ObjectKey> before;
  for (int i = 0; i < 30; ++i) before.push_back(add(world, fmt::format("before-{:02}", i), ""));
  world.addMigration();
  const auto place = [&] {
    world.pass();
    return world.migration().status.queue->position;
  };
  const auto finishUntil = [&](std::size_t left) {
    while (before.size() > left) {
      finish(world, before.back());
      before.pop_back();
    }
  };
  EXPECT_EQ(place(), 31);
  finishUntil(29);
  EXPECT_EQ(place(), 31);
  finishUntil(26);
  EXPECT_EQ(place(), 27);
  finishUntil(9);
  EXPECT_EQ(place(), 10);
  finishUntil(8);
  EXPECT_EQ(place(), 9);
  finishUntil(0);
  EXPECT_EQ(place(), 1);
}

}  // namespace
}  // namespace vnic::test
