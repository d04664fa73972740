// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vnic/reservation_reconciler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/names.h"
#include "kube/typed.h"
#include "runtime/agent_lease.h"
#include "support/time_format.h"
#include "unit/reconcile/vnic/world.h"

namespace vnic::reconcile::vnic {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;
using test::VnicWorld;

// The VM with its VF adopted.
class Sweep : public testing::Test {
 protected:
  Sweep() {
    world.addVm();
    world.addVnic();
    EXPECT_TRUE(world.pass());
  }
  ReservationReconciler sweeper() {
    return ReservationReconciler({world.reservationStore, world.vnics, world.migrations,
                                  world.hosts, world.hostCache, world.client, world.events,
                                  [this] { return world.leaseTimeLeft; }, Logger(), &agents});
  }
  VnicWorld world;
  const api::ObjectKey key{"", "host1.0000-01-10.0"};
  runtime::AgentLeases agents{world.client, world.clock, "vnic-system"};
};

// The VF is free and its reservation asked to go; a node agent is at work on the host.
class SweepWithAgent : public Sweep {
 protected:
  SweepWithAgent() {
    world.takeVfOut();
    world.client.edit<api::VfReservation>(key, [](auto& spec) { spec.purpose = "Releasing"; });
    isAlive();
    sweep();  // asks for the deletion
    const auto r = world.client.find<api::VfReservation>(key).value();
    const Duration behind = *parseTime(r.metadata.deletionTimestamp) - world.clock.wall();
    world.clock.advance(behind);
    isAlive();
  }
  void isAlive() {
    ASSERT_TRUE(runtime::renewAgentLease(world.client, "vnic-system", "host1", "host1_1",
                                         world.clock.wall()));
  }
  void sweep() {
    world.sync();
    ASSERT_TRUE(sweeper().reconcile(key, {}));
  }
  void says(const char* condition) {
    const auto r = world.client.find<api::VfReservation>(key).value();
    api::VfReservationStatus status;
    status.conditions = {
        {condition, api::ConditionStatus::True, 1, "2026-01-01T00:00:00Z", "Reason", ""}};
    ASSERT_TRUE(kube::applyStatus<api::VfReservation>(world.client, r.metadata, toJson(status),
                                                      kube::StatusGuard::None,
                                                      api::kAgentFieldManager));
  }
  bool kept() { return world.client.find<api::VfReservation>(key).has_value(); }
};

TEST_F(SweepWithAgent, AVfIsGivenAwayOnceItIsClean) {
  sweep();
  EXPECT_TRUE(kept());
  says(api::condition::kScrubbed);
  sweep();
  EXPECT_FALSE(kept());
}

TEST_F(SweepWithAgent, CleaningIsWaitedForOnlySoLong) {
  world.clock.advance(29s);
  isAlive();
  sweep();
  EXPECT_TRUE(kept());
  world.clock.advance(1s);
  sweep();
  EXPECT_FALSE(kept());
}

TEST_F(SweepWithAgent, ADeadAgentIsNotWaitedFor) {
  ASSERT_TRUE(runtime::endAgentLease(world.client, "vnic-system", "host1"));
  sweep();
  EXPECT_FALSE(kept());
}

TEST_F(SweepWithAgent, AVfThatCannotBeCleanedIsParked) {
  says(api::condition::kQuarantined);
  world.clock.advance(1h);
  sweep();
  EXPECT_TRUE(kept());
  says(api::condition::kScrubbed);
  sweep();
  EXPECT_FALSE(kept());
}

TEST_F(SweepWithAgent, OnAHostThatIsOutOfServiceNobodyCleans) {
  says(api::condition::kQuarantined);
  world.client.edit<api::VmHost>({"", "host1"}, [](auto& s) { s.availability = "OutOfService"; });
  sweep();
  EXPECT_FALSE(kept());
}

TEST_F(Sweep, KeepsWhatIsInUseWithoutAnyCall) {
  world.client.forgetWrites();
  world.sweep();
  EXPECT_THAT(world.client.writes(), IsEmpty());
  EXPECT_THAT(world.reservations(), ElementsAre("host1.0000-01-10.0 InUse"));
}

TEST_F(Sweep, ReleasesInTwoStepsAndSaysSo) {
  world.client.edit<api::Vnic>({"team-a", "db-blue"},
                               [](auto& spec) { spec.desiredState = "Detached"; });
  ASSERT_TRUE(world.hypervisor.destroy("host1", VnicWorld::kUuid));
  const test::VmShape withoutNic{
      .name = "db", .uuid = VnicWorld::kUuid, .vnicNamespace = "team-a", .nics = {}};
  ASSERT_TRUE(world.hypervisor.define("host1", test::domainXml(withoutNic)));
  world.sync();
  ASSERT_TRUE(sweeper().reconcile(key, {}));
  EXPECT_THAT(world.reservations(), ElementsAre("host1.0000-01-10.0 Releasing"));
  world.sweep();
  EXPECT_THAT(world.reservations(), IsEmpty());
  EXPECT_THAT(world.events.reasons, Contains("Releasing"));
  EXPECT_THAT(world.events.reasons, Contains("Released"));
}

TEST_F(Sweep, AsksTheHolderItselfBeforeItGivesBack) {
  world.sync();
  world.vnics.erase({"team-a", "db-blue"});  // the cache is behind
  ASSERT_TRUE(sweeper().reconcile(key, {}));
  EXPECT_THAT(world.reservations(), ElementsAre("host1.0000-01-10.0 InUse"));
}

TEST_F(Sweep, AsksTheMigrationItselfBeforeItGivesBack) {
  const auto migration = world.addMigration();
  world.client.edit<api::VfReservation>(key, [&](auto& spec) {
    spec.purpose = "Return";
    spec.migration = api::ObjectReference{"team-a", "move", migration.metadata.uid};
  });
  world.takeVfOut();
  ASSERT_TRUE(world.hypervisor.destroy("host1", VnicWorld::kUuid));
  world.sync();
  world.migrations.erase({"team-a", "move"});  // the cache is behind
  ASSERT_TRUE(sweeper().reconcile(key, {}));
  EXPECT_THAT(world.reservations(), ElementsAre("host1.0000-01-10.0 Return"));
}

TEST_F(Sweep, NamesakeOfTheHolderIsNotTheHolder) {
  ASSERT_TRUE(world.client.remove(api::Vnic::resource, {"team-a", "db-blue"}, {}));
  world.addVnic({.vmName = "another", .profile = "blue", .macAddress = ""});
  world.sweep();
  EXPECT_THAT(world.reservations(), IsEmpty());
}

TEST_F(Sweep, AsksTheHostItselfBeforeItGivesBack) {
  // The cache saw the VM without its VF and released; by now it is there again.
  world.client.edit<api::VfReservation>(key, [](auto& spec) { spec.purpose = "Releasing"; });
  world.takeVfOut();
  world.sync();
  world.addVm();
  ASSERT_TRUE(sweeper().reconcile(key, {}));
  EXPECT_THAT(world.reservations(), ElementsAre("host1.0000-01-10.0 Releasing"));
  ASSERT_TRUE(world.pass());
  EXPECT_THAT(world.reservations(), ElementsAre("host1.0000-01-10.0 InUse"));
}

TEST_F(Sweep, SomebodyElsesChangeWins) {
  ASSERT_TRUE(world.client.remove(api::Vnic::resource, {"team-a", "db-blue"}, {}));
  world.sync();
  world.client.edit<api::VfReservation>(key, [](auto& spec) { spec.purpose = "Target"; });
  const auto done = sweeper().reconcile(key, {});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::Conflict);
  EXPECT_THAT(world.reservations(), ElementsAre("host1.0000-01-10.0 Target"));
}

TEST_F(Sweep, DoesNothingWhenTheLeadersLeaseEnds) {
  ASSERT_TRUE(world.client.remove(api::Vnic::resource, {"team-a", "db-blue"}, {}));
  world.sync();
  world.leaseTimeLeft = 1s;
  ASSERT_TRUE(sweeper().reconcile(key, {}));
  EXPECT_THAT(world.reservations(), ElementsAre("host1.0000-01-10.0 InUse"));
}

TEST_F(Sweep, HostThatIsAwayKeepsItsReservations) {
  ASSERT_TRUE(world.client.remove(api::Vnic::resource, {"team-a", "db-blue"}, {}));
  world.hypervisor.setAway("host1", true);
  world.sweep();
  EXPECT_THAT(world.reservations(), ElementsAre("host1.0000-01-10.0 InUse"));
  world.client.edit<api::VmHost>({"", "host1"}, [](auto& s) { s.availability = "OutOfService"; });
  world.sweep();
  EXPECT_THAT(world.reservations(), IsEmpty());
}

}  // namespace
}  // namespace vnic::reconcile::vnic
