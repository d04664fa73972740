// SPDX-License-Identifier: Apache-2.0
// A migration and the node agent of the source: a bounded wait for the standby's pin.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/names.h"
#include "kube/typed.h"
#include "runtime/agent_lease.h"
#include "unit/reconcile/vm_migration/world.h"

namespace vnic::reconcile::vm_migration {
namespace {

using namespace std::chrono_literals;
using test::World;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

constexpr char kReservation[] = "host1.0000-01-10.0";

class NodeAgent : public testing::Test {
 protected:
  NodeAgent() {
    world.addVm();
    world.addMigration();
  }
  void isAlive() {
    ASSERT_TRUE(runtime::renewAgentLease(world.client, "vnic-operator-system", "host1", "host1_1",
                                         world.clock.wall()));
  }
  void says(api::ConditionStatus pinned, const char* message, std::int64_t generationsAgo = 0) {
    const auto r = world.client.find<api::VfReservation>({"", kReservation}).value();
    api::VfReservationStatus status;
    status.observedGeneration = r.metadata.generation - generationsAgo;
    status.conditions = {{api::condition::kStandbyPinned, pinned, status.observedGeneration,
                          "2026-01-01T00:00:00Z", "Reason", message}};
    ASSERT_TRUE(kube::applyStatus<api::VfReservation>(world.client, r.metadata, toJson(status),
                                                      kube::StatusGuard::None,
                                                      api::kAgentFieldManager));
  }
  bool inGuest() { return !world.liveVf("host1").empty(); }

  World world;
};

TEST_F(NodeAgent, TheVfStaysInTheGuestUntilTheStandbyIsPinned) {
  isAlive();
  world.until("Detaching");
  world.pass();
  EXPECT_TRUE(inGuest());
  EXPECT_EQ(findCondition(world.migration().status.conditions, api::condition::kReady)->reason,
            "PinningStandby");
  says(api::ConditionStatus::True, "");
  world.pass();
  EXPECT_FALSE(inGuest());
  EXPECT_THAT(world.events.reasons, Not(Contains("StandbyNotPinned")));
}

TEST_F(NodeAgent, WhatItSaidOfAnEarlierMoveDoesNotCount) {
  isAlive();
  world.until("Detaching");
  says(api::ConditionStatus::True, "", 1);
  world.pass();
  EXPECT_TRUE(inGuest());
}

TEST_F(NodeAgent, IsWaitedForOnlySoLong) {
  isAlive();
  world.until("Detaching");
  const auto begun = world.clock.now();
  while (inGuest() && world.clock.now() - begun < 1min) world.pass();
  EXPECT_FALSE(inGuest());
  EXPECT_LE(world.clock.now() - begun, 4s);
  EXPECT_THAT(world.events.reasons, Contains("StandbyNotPinned"));
  world.settle();
  EXPECT_EQ(world.migration().status.phase, "Succeeded");
}

TEST_F(NodeAgent, ThatCannotPinIsNotWaitedFor) {
  isAlive();
  world.until("Detaching");
  says(api::ConditionStatus::False, "somebody has bound the MAC");
  world.pass();
  EXPECT_FALSE(inGuest());
  EXPECT_THAT(world.events.reasons, Contains("StandbyNotPinned"));
}

TEST_F(NodeAgent, ThatIsDeadOrWasNeverThereIsNotWaitedForAndThatIsSaid) {
  isAlive();
  world.clock.advance(1min);
  world.until("Detaching");
  world.pass();
  EXPECT_FALSE(inGuest());
  EXPECT_THAT(world.events.reasons, Contains("StandbyNotPinned"));
}

TEST_F(NodeAgent, HasNothingToDoWithAVfThatHasNoStandby) {
  World plain;
  plain.addVm(1, false);
  api::VmMigrationSpec spec;
  spec.policy.networkOutage = "Allow";
  plain.addMigration(spec);
  plain.settle();
  EXPECT_EQ(plain.migration().status.phase, "Succeeded");
  EXPECT_THAT(plain.events.reasons, Not(Contains("StandbyNotPinned")));
}

}  // namespace
}  // namespace vnic::reconcile::vm_migration
