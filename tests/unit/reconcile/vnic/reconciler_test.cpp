// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vnic/reconciler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/names.h"
#include "unit/reconcile/vnic/world.h"

namespace vnic::reconcile::vnic {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;
using test::VnicWorld;

void expectPass(VnicWorld& world) {
  const auto done = world.pass();
  ASSERT_TRUE(done) << done.error().message;
}

TEST(VnicAdoption, TakesTheNicAsItIsAndBooksItsVf) {
  VnicWorld world;
  world.addVm();
  const auto vnic = world.addVnic();
  expectPass(world);
  const auto status = world.vnic().status;
  EXPECT_EQ(world.condition("Attached"), "True Attached");
  EXPECT_EQ(world.condition("InSync"), "True InSync");
  EXPECT_EQ(world.condition("Ready"), "True Attached");
  EXPECT_EQ(status.host, "host1");
  EXPECT_EQ(status.vf, "0000:01:10.0");
  EXPECT_EQ(status.guestAddress, "0000:03:00.0");
  EXPECT_EQ(status.macAddress, VnicWorld::kMac);
  EXPECT_EQ(status.standby, "ua-blue-standby");
  const auto reservation = world.reservation("host1.0000-01-10.0");
  ASSERT_TRUE(reservation);
  EXPECT_EQ(reservation->spec.purpose, "InUse");
  EXPECT_EQ(reservation->spec.holder.uid, vnic.metadata.uid);
  EXPECT_EQ(reservation->spec.vmUUID, VnicWorld::kUuid);
  EXPECT_EQ(reservation->spec.device.alias, "ua-blue");
  EXPECT_EQ(reservation->spec.device.standbyAlias, "ua-blue-standby");
  EXPECT_EQ(reservation->spec.device.guestAddress, "0000:03:00.0");
  EXPECT_TRUE(reservation->metadata.hasFinalizer(api::kFinalizer));
  EXPECT_THAT(world.hypervisor.calls(), IsEmpty()) << "adoption touches no device";
}

TEST(VnicAdoption, SecondPassWritesNothing) {
  VnicWorld world;
  world.addVm();
  world.addVnic();
  expectPass(world);
  expectPass(world);
  world.client.forgetWrites();
  world.clock.advance(1h);
  expectPass(world);
  EXPECT_THAT(world.client.writes(), IsEmpty());
}

TEST(VnicAdoption, DoesNotTakeAVfThatIsReservedForAnother) {
  VnicWorld world;
  world.addVm();
  world.addVnic();
  api::VfReservation other;
  other.metadata.name = "host1.0000-01-10.0";
  other.spec.hostName = "host1";
  other.spec.address = "0000:01:10.0";
  other.spec.holder = {"team-b", "web", "uid-of-web"};
  world.client.add(other);
  expectPass(world);
  EXPECT_EQ(world.condition("Ready"), "False VfReservedByOther");
  EXPECT_EQ(world.reservation("host1.0000-01-10.0")->spec.holder.name, "web");
}

TEST(VnicAdoption, FollowsAVmThatMovedByItself) {
  VnicWorld world;
  world.addVm("host1");
  world.addVnic();
  expectPass(world);
  ASSERT_TRUE(world.hypervisor.destroy("host1", VnicWorld::kUuid));
  world.addVm("host2");
  expectPass(world);
  EXPECT_EQ(world.vnic().status.host, "host2");
  EXPECT_TRUE(world.reservation("host2.0000-01-10.0"));
}

TEST(VnicHealing, PlugsTheMissingVfBackAsItWas) {
  VnicWorld world;
  world.addVm();
  world.addVnic();
  expectPass(world);
  world.takeVfOut();
  expectPass(world);
  EXPECT_EQ(world.liveVf(), "0000:01:10.0");
  EXPECT_EQ(world.condition("Ready"), "True Attached");
  EXPECT_EQ(world.vnic().status.guestAddress, "0000:03:00.0");
  EXPECT_THAT(world.reservations(), ElementsAre("host1.0000-01-10.0 InUse"));
  EXPECT_EQ(world.claimHolder(), std::nullopt) << "the VM is free for a migration again";
  EXPECT_THAT(world.events.reasons, Contains("VfAttached"));
}

// What the definition said before a restart of everything is all there is.
TEST(VnicHealing, WorksFromTheDefinitionWhenNoReservationWasEverWritten) {
  VnicWorld world;
  world.addVm();
  world.addVnic();
  world.takeVfOut();
  expectPass(world);
  EXPECT_EQ(world.liveVf(), "0000:01:10.0");
  EXPECT_EQ(world.reservation("host1.0000-01-10.0")->spec.device.guestAddress, "0000:03:00.0");
}

TEST(VnicHealing, TakesAnotherVfWhenItsOwnIsTakenAndTheDefinitionFollows) {
  VnicWorld world;
  world.addVm();
  world.addVnic();
  world.takeVfOut();
  world.addVmWithVf("0000:01:10.0");
  expectPass(world);
  EXPECT_EQ(world.liveVf(), "0000:01:10.2");
  EXPECT_EQ(world.definedVf(), "0000:01:10.2");
  EXPECT_EQ(world.vnic().status.guestAddress, "0000:03:00.0");
}

TEST(VnicHealing, LeavesTheVmToAMigration) {
  VnicWorld world;
  world.addVm();
  world.addVnic();
  expectPass(world);
  world.addMigration();
  world.takeVfOut();
  const auto calls = world.hypervisor.calls();
  expectPass(world);
  EXPECT_EQ(world.hypervisor.calls(), calls);
  EXPECT_EQ(world.condition("Attached"), "False Migrating");
  EXPECT_EQ(world.condition("Ready"), "Unknown Migrating");
}

// The cache does not know the migration yet; its claim does.
TEST(VnicHealing, LeavesTheVmToWhoeverHoldsItsClaim) {
  VnicWorld world;
  world.addVm();
  world.addVnic();
  expectPass(world);
  world.takeVfOut();
  const auto calls = world.hypervisor.calls();
  world.sync();
  const auto migration = world.addMigration();
  ASSERT_TRUE(world.claims.tryClaim(std::string("vm-") + VnicWorld::kUuid, migration.metadata.uid));
  ASSERT_TRUE(world.client.remove(api::VmMigration::resource, {"team-a", "move"}, {}));
  world.sync();
  world.client.add(migration);
  // Only the Vnic's own pass, with caches from before the migration.
  VnicReconciler reconciler(
      {{world.vnics, world.profiles, world.hosts, world.migrations, world.reservationStore,
        world.hostCache, VnicWorld::kNamespace},
       {world.client, world.hypervisor, world.hostCache, world.reservationStore, world.claims,
        world.events, [] { return Duration(10s); }, Logger()},
       world.clock},
      {});
  const auto done = reconciler.reconcile({"team-a", "db-blue"}, {});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(world.hypervisor.calls(), calls);
  EXPECT_EQ(world.condition("Attached"), "False VmClaimed");
  EXPECT_LE(done->requeueAfter.value(), Duration(2s));
  EXPECT_EQ(world.claimHolder(), migration.metadata.uid);
}

TEST(VnicHealing, TakesTheClaimOfAHolderThatIsGone) {
  VnicWorld world;
  world.addVm();
  world.addVnic();
  world.takeVfOut();
  ASSERT_TRUE(world.claims.tryClaim(std::string("vm-") + VnicWorld::kUuid, "uid-of-the-dead"));
  expectPass(world);
  EXPECT_EQ(world.liveVf(), "0000:01:10.0");
  EXPECT_EQ(world.claimHolder(), std::nullopt);
}

TEST(VnicHealing, TakesTheClaimOfAFinishedMigration) {
  VnicWorld world;
  world.addVm();
  world.addVnic();
  world.takeVfOut();
  const auto migration = world.addMigration(true);
  ASSERT_TRUE(world.claims.tryClaim(std::string("vm-") + VnicWorld::kUuid, migration.metadata.uid));
  expectPass(world);
  EXPECT_EQ(world.liveVf(), "0000:01:10.0");
}

TEST(VnicHealing, GivesBackTheClaimThatADeadProcessOfOursLeft) {
  VnicWorld world;
  world.addVm();
  const auto vnic = world.addVnic();
  ASSERT_TRUE(world.claims.tryClaim(std::string("vm-") + VnicWorld::kUuid, vnic.metadata.uid));
  expectPass(world);
  EXPECT_EQ(world.claimHolder(), std::nullopt);
}

TEST(VnicHealing, BacksOffAndSaysWhenItTriesAgain) {
  VnicWorld world;
  world.addVm();
  world.addVnic();
  expectPass(world);
  world.takeVfOut();
  world.hypervisor.facts("host1").physicalFunctions[0].linkUp = false;  // attach is refused
  auto first = world.pass();
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->requeueAfter, Duration(5s));
  EXPECT_EQ(world.condition("Ready"), "False AttachFailed");
  EXPECT_EQ(world.condition("Reconciling"), "True AttachFailed");
  EXPECT_NE(world.vnic().status.nextTryTime, "");
  const auto calls = world.hypervisor.calls().size();
  world.clock.advance(4s);
  expectPass(world);
  EXPECT_EQ(world.hypervisor.calls().size(), calls) << "too early";
  world.clock.advance(1s);
  auto second = world.pass();
  EXPECT_GT(world.hypervisor.calls().size(), calls);
  EXPECT_EQ(second->requeueAfter, Duration(10s));
  world.hypervisor.facts("host1").physicalFunctions[0].linkUp = true;
  world.clock.advance(10s);
  expectPass(world);
  EXPECT_NE(world.liveVf(), "");
  EXPECT_EQ(world.condition("Ready"), "True Attached");
  EXPECT_EQ(world.condition("Reconciling"), "absent");
  EXPECT_EQ(world.vnic().status.nextTryTime, "");
}

TEST(VnicHealing, TriesAnotherVfAfterOneWasRefusedAndGivesTheFirstBack) {
  VnicWorld world;
  world.addVm();
  world.addVnic();
  expectPass(world);
  world.takeVfOut();
  world.hypervisor.failNext(test::Operation::Attach, Error::transient("VF is broken"));
  expectPass(world);
  EXPECT_EQ(world.liveVf(), "");
  world.clock.advance(5s);
  expectPass(world);
  EXPECT_EQ(world.liveVf(), "0000:01:10.2");
  world.sweep();
  EXPECT_THAT(world.reservations(), ElementsAre("host1.0000-01-10.2 InUse"));
}

TEST(VnicHealing, WaitsForAFreeVf) {
  VnicWorld world;
  world.addVm();
  world.addVnic();
  world.takeVfOut();
  world.hypervisor.facts("host1").physicalFunctions[0].virtualFunctions.clear();
  expectPass(world);
  EXPECT_EQ(world.condition("Ready"), "False NoFreeVirtualFunction");
}

TEST(VnicHealing, DoesNothingWhenTheLeadersLeaseEnds) {
  VnicWorld world;
  world.addVm();
  world.addVnic();
  world.takeVfOut();
  world.leaseTimeLeft = 1s;
  const auto calls = world.hypervisor.calls();
  expectPass(world);
  EXPECT_EQ(world.hypervisor.calls(), calls);
  EXPECT_THAT(world.reservations(), IsEmpty());
}

// Killed right after the reservation was written, or right after the attach: the next process ends
// at the same place.
TEST(VnicHealing, GoesOnAfterTheOperatorDied) {
  VnicWorld world;
  world.addVm();
  const auto vnic = world.addVnic();
  world.takeVfOut();
  world.hypervisor.failNext(test::Operation::Attach, Error::transient("killed here"));
  expectPass(world);
  world.restartOperator();
  ASSERT_TRUE(world.claims.tryClaim(std::string("vm-") + VnicWorld::kUuid, vnic.metadata.uid));
  expectPass(world);
  EXPECT_EQ(world.liveVf(), "0000:01:10.0");
  EXPECT_THAT(world.reservations(), ElementsAre("host1.0000-01-10.0 InUse"));
  world.restartOperator();
  expectPass(world);
  EXPECT_EQ(world.claimHolder(), std::nullopt);
}

TEST(VnicFirstAttach, PlugsStandbyFirstThenTheVfIntoBothDefinitions) {
  VnicWorld world;
  world.addBareVm();
  const auto vnic = world.addVnic();
  expectPass(world);
  const auto domain = world.hypervisor.domain("host1", VnicWorld::kUuid).value();
  for (const std::string& xml : {domain.liveXml, domain.persistentXml}) {
    const auto description = domain::parseDomain(xml).value();
    ASSERT_EQ(description.hostdevs.size(), 1u) << xml;
    const auto& vf = description.hostdevs[0];
    EXPECT_EQ(vf.alias, "ua-" + vnic.metadata.uid);
    EXPECT_EQ(vf.mac, VnicWorld::kMac);
    EXPECT_TRUE(vf.managed);
    ASSERT_NE(description.standbyFor(vf), nullptr) << xml;
    EXPECT_EQ(description.standbyFor(vf)->alias, "ua-" + vnic.metadata.uid + "-standby");
    EXPECT_EQ(description.standbyFor(vf)->network, "tenant-blue");
  }
  const std::string attach = std::string("attach host1 db ") + VnicWorld::kMac;
  EXPECT_THAT(
      world.hypervisor.calls(),
      ElementsAre(attach + " ", attach + " ", attach + " 0000:01:10.0", attach + " 0000:01:10.0"));
  EXPECT_EQ(world.condition("Ready"), "True Attached");
}

TEST(VnicFirstAttach, ChoosesAMacAndKeepsIt) {
  VnicWorld world;
  world.addBareVm();
  world.addVnic({.vmName = "db", .profile = "plain", .macAddress = ""});
  expectPass(world);
  const std::string mac = world.vnic().status.macAddress;
  EXPECT_EQ(mac.substr(0, 9), "52:54:00:");
  world.restartOperator();
  expectPass(world);
  EXPECT_EQ(world.vnic().status.macAddress, mac);
  EXPECT_NE(world.liveVf(), "");
}

TEST(VnicFirstAttach, PlugsAVirtioNic) {
  VnicWorld world;
  world.addBareVm();
  world.addVnic({.vmName = "db", .profile = "blue-standby", .macAddress = VnicWorld::kMac});
  expectPass(world);
  EXPECT_EQ(world.condition("Ready"), "True Attached");
  EXPECT_THAT(world.reservations(), IsEmpty());
  expectPass(world);
  world.client.forgetWrites();
  expectPass(world);
  EXPECT_THAT(world.client.writes(), IsEmpty());
}

TEST(VnicFirstAttach, RefusesAProfileThatTheNamespaceMayNotUse) {
  VnicWorld world;
  world.addBareVm();
  world.client.edit<api::VnicProfile>({"", "plain"}, [](auto& spec) {
    spec.allowedNamespaces = {"Selector", {{"kubernetes.io/metadata.name", "team-b"}}};
  });
  world.addVnic({.vmName = "db", .profile = "plain", .macAddress = VnicWorld::kMac});
  expectPass(world);
  EXPECT_EQ(world.condition("Ready"), "False NamespaceNotAllowed");
  EXPECT_THAT(world.hypervisor.calls(), IsEmpty());
}

TEST(VnicDetach, TakesVfThenStandbyOutOfBothDefinitionsAndFreesTheVf) {
  VnicWorld world;
  world.addVm();
  world.addVnic();
  expectPass(world);
  world.client.edit<api::Vnic>({"team-a", "db-blue"},
                               [](auto& spec) { spec.desiredState = "Detached"; });
  expectPass(world);
  const auto domain = world.hypervisor.domain("host1", VnicWorld::kUuid).value();
  for (const std::string& xml : {domain.liveXml, domain.persistentXml}) {
    const auto description = domain::parseDomain(xml).value();
    EXPECT_TRUE(description.hostdevs.empty());
    EXPECT_TRUE(description.virtualNics.empty());
  }
  EXPECT_EQ(world.condition("Attached"), "False Detached");
  EXPECT_EQ(world.condition("Ready"), "True Detached");
  world.sweep();
  EXPECT_THAT(world.reservations(), IsEmpty());
  EXPECT_EQ(world.claimHolder(), std::nullopt);
}

TEST(VnicDetach, DeafGuestKeepsItsVfAndItsReservation) {
  VnicWorld world;
  world.addVm();
  world.addVnic();
  expectPass(world);
  world.hypervisor.setDeaf(VnicWorld::kUuid, true);
  world.client.edit<api::Vnic>({"team-a", "db-blue"},
                               [](auto& spec) { spec.desiredState = "Detached"; });
  expectPass(world);
  EXPECT_EQ(world.condition("Attached"), "True Attached");
  EXPECT_EQ(world.condition("Ready"), "False DetachPending");
  world.sweep();
  EXPECT_THAT(world.reservations(), ElementsAre("host1.0000-01-10.0 InUse"));
}

TEST(VnicDeletion, RetainLeavesTheNicInTheVm) {
  VnicWorld world;
  world.addVm();
  world.addVnic();
  expectPass(world);
  ASSERT_TRUE(world.client.remove(api::Vnic::resource, {"team-a", "db-blue"}, {}));
  EXPECT_FALSE(world.client.find<api::Vnic>({"team-a", "db-blue"}));
  expectPass(world);
  world.sweep();
  EXPECT_EQ(world.liveVf(), "0000:01:10.0");
  EXPECT_THAT(world.reservations(), IsEmpty());
}

TEST(VnicDeletion, DetachTakesTheNicAlong) {
  VnicWorld world;
  world.addVm();
  world.addVnic({.vmName = "db",
                 .profile = "blue",
                 .macAddress = VnicWorld::kMac,
                 .deletionPolicy = "Detach"});
  expectPass(world);
  ASSERT_TRUE(world.client.remove(api::Vnic::resource, {"team-a", "db-blue"}, {}));
  ASSERT_TRUE(world.client.find<api::Vnic>({"team-a", "db-blue"}));
  expectPass(world);
  EXPECT_FALSE(world.client.find<api::Vnic>({"team-a", "db-blue"}));
  EXPECT_EQ(world.liveVf(), "");
  world.sweep();
  EXPECT_THAT(world.reservations(), IsEmpty());
}

TEST(VnicDeletion, DetachWaitsForAHostThatIsAway) {
  VnicWorld world;
  world.addVm();
  world.addVnic({.vmName = "db",
                 .profile = "blue",
                 .macAddress = VnicWorld::kMac,
                 .deletionPolicy = "Detach"});
  expectPass(world);
  ASSERT_TRUE(world.client.remove(api::Vnic::resource, {"team-a", "db-blue"}, {}));
  world.hypervisor.setAway("host1", true);
  expectPass(world);
  ASSERT_TRUE(world.client.find<api::Vnic>({"team-a", "db-blue"}));
  EXPECT_EQ(world.condition("Ready"), "Unknown HostUnknown");
}

TEST(VnicState, HostThatIsAwayIsUnknown) {
  VnicWorld world;
  world.addVm();
  world.addVnic();
  expectPass(world);
  world.hypervisor.setAway("host1", true);
  expectPass(world);
  EXPECT_EQ(world.condition("Attached"), "Unknown HostUnknown");
  EXPECT_EQ(world.vnic().status.vf, "0000:01:10.0") << "as seen last";
  world.sweep();
  EXPECT_THAT(world.reservations(), ElementsAre("host1.0000-01-10.0 InUse"));
}

TEST(VnicState, YoungerVnicOfAMacWaits) {
  VnicWorld world;
  world.addVm();
  world.addVnic();
  api::Vnic younger;
  younger.metadata.ns = "team-a";
  younger.metadata.name = "db-copy";
  younger.metadata.creationTimestamp = "2026-02-01T00:00:00Z";
  younger.spec = {.vmName = "db", .profile = "blue", .macAddress = "52:54:00:CC:00:01"};
  world.client.add(younger);
  ASSERT_TRUE(world.pass("db-copy"));
  EXPECT_EQ(world.condition("Ready", "db-copy"), "False MacAddressConflict");
  expectPass(world);
  EXPECT_EQ(world.condition("Ready"), "True Attached");
}

TEST(VnicState, ProfileThatChangedIsOutOfSyncUntilTheNextAttach) {
  VnicWorld world;
  world.addVm();
  world.addVnic();
  world.client.edit<api::VnicProfile>({"", "blue"}, [](auto& spec) { spec.vlan = 7; });
  expectPass(world);
  EXPECT_EQ(world.condition("InSync"), "False VlanDiffers");
  EXPECT_EQ(world.condition("Attached"), "True Attached");
  world.takeVfOut();
  expectPass(world);
  EXPECT_EQ(world.condition("InSync"), "True InSync");
}

TEST(VnicState, MissingProfileIsNamed) {
  VnicWorld world;
  world.addBareVm();
  world.addVnic({.vmName = "db", .profile = "nope", .macAddress = VnicWorld::kMac});
  expectPass(world);
  EXPECT_EQ(world.condition("Ready"), "False ProfileNotFound");
}

}  // namespace
}  // namespace vnic::reconcile::vnic
