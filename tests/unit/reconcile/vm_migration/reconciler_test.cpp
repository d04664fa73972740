// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "api/names.h"
#include "hypervisor/error_code.h"
#include "unit/reconcile/vm_migration/world.h"

namespace vnic::test {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

std::string messageOf(const api::VmMigration& m) {
  const auto* ready = findCondition(m.status.conditions, api::condition::kReady);
  return ready ? ready->message : "";
}

void expectMoved(World& world) {
  const api::VmMigration m = world.migration();
  EXPECT_EQ(m.status.phase, "Succeeded") << messageOf(m);
  EXPECT_TRUE(isTrue(m.status.conditions, api::condition::kSucceeded));
  EXPECT_FALSE(world.hypervisor.running("host1", World::kUuid));
  EXPECT_TRUE(world.hypervisor.running("host2", World::kUuid));
  EXPECT_NE(world.liveVf("host2"), "");
  EXPECT_EQ(world.purposeOf("host2", world.liveVf("host2")), "InUse");
  EXPECT_EQ(world.purposeOf("host1", "0000:01:10.0"), "");
  EXPECT_EQ(m.metadata.annotations.at(api::kFinishedAnnotation), "Succeeded");
  EXPECT_THAT(m.metadata.finalizers, IsEmpty());
  EXPECT_EQ(world.broken(), "");
}

void expectStayed(World& world, const std::string& phase, const std::string& reason) {
  const api::VmMigration m = world.migration();
  EXPECT_EQ(m.status.phase, phase) << messageOf(m);
  EXPECT_EQ(reasonOf(m), reason) << messageOf(m);
  EXPECT_TRUE(world.hypervisor.running("host1", World::kUuid));
  EXPECT_FALSE(world.hypervisor.running("host2", World::kUuid));
  EXPECT_EQ(world.liveVf("host1"), "0000:01:10.0");
  EXPECT_EQ(world.broken(), "");
}

TEST(VmMigration, MovesAVmWithAFailoverPair) {
  World world;
  world.addVm();
  world.addMigration();
  world.settle();
  expectMoved(world);
  const auto nic = world.migration().status.nics.at(0);
  EXPECT_EQ(nic.sourceVf, "0000:01:10.0");
  EXPECT_EQ(nic.targetVf, world.liveVf("host2"));
  EXPECT_TRUE(nic.withoutVfMilliseconds.has_value());
}

TEST(VmMigration, TheTargetKeepsADefinitionThatNamesItsOwnVfs) {
  World world;
  // Somebody holds the VF that has the same address as the source's.
  api::VfReservation other;
  other.metadata.name = api::VfReservation::nameFor("host2", "0000:01:10.0");
  other.spec.hostName = "host2";
  other.spec.address = "0000:01:10.0";
  other.spec.holder = {"team-b", "x", "uid-x"};
  world.client.add(other);
  world.addVm();
  world.addMigration();
  world.settle();
  EXPECT_EQ(world.liveVf("host2"), "0000:01:10.2");
  const auto requests = world.hypervisor.migrationRequests();
  ASSERT_EQ(requests.size(), 1U);
  const auto kept = domain::parseDomain(requests[0].persistentXml);
  ASSERT_TRUE(kept.has_value());
  ASSERT_EQ(kept->hostdevs.size(), 1U);
  EXPECT_EQ(kept->hostdevs[0].source.str(), "0000:01:10.2");
  EXPECT_EQ(requests[0].peerURI, "qemu+tls://host2/system");
}

TEST(VmMigration, MovesTwoNicsAndVfsWithoutFailover) {
  for (const bool failover : {true, false}) {
    World world;
    world.addVm(2, failover);
    world.addMigration();
    world.settle();
    expectMoved(world);
    EXPECT_NE(world.liveVf("host2", World::kMac2), "");
    EXPECT_NE(world.liveVf("host2", World::kMac2), world.liveVf("host2"));
  }
}

TEST(VmMigration, DryRunReportsAndTouchesNothing) {
  World world;
  world.addVm();
  api::VmMigrationSpec spec;
  spec.mode = "DryRun";
  world.addMigration(spec);
  world.settle();
  const auto m = world.migration();
  EXPECT_EQ(m.status.phase, "Succeeded");
  EXPECT_EQ(reasonOf(m), "WouldSucceed");
  ASSERT_TRUE(m.status.preflight.has_value());
  EXPECT_EQ(m.status.preflight->hosts.at(0).name, "host2");
  EXPECT_TRUE(m.status.preflight->hosts.at(0).fits);
  EXPECT_THAT(world.hypervisor.calls(), IsEmpty());
  EXPECT_THAT(world.client.all<api::VfReservation>(), IsEmpty());
}

TEST(VmMigration, AfterTheChoiceOnlyTheTargetIsReported) {
  World world;
  world.addVm();
  api::VmHost third = *world.client.all<api::VmHost>().begin();
  third.metadata = {};
  third.metadata.name = "host3";
  world.hypervisor.addHost("host3");
  world.hypervisor.setHost("host3", third.spec.libvirtURI);
  world.client.add(third);
  api::VmMigrationSpec spec;
  spec.mode = "DryRun";
  world.addMigration(spec);
  world.settle();
  EXPECT_EQ(world.migration().status.preflight->hosts.size(), 2u);
  ASSERT_TRUE(world.client.remove(api::VmMigration::resource, {"team-a", "move"}, {}));
  world.addMigration();
  world.settle();
  const auto& status = world.migration().status;
  EXPECT_EQ(status.phase, "Succeeded");
  ASSERT_EQ(status.preflight->hosts.size(), 1u);
  EXPECT_EQ(status.preflight->hosts[0].name, status.targetHost);
}

TEST(VmMigration, RefusesBeforeAnythingIsTouched) {
  struct Case {
    std::string reason;
    std::function<void(World&, api::VmMigrationSpec&)> arrange;
  };
  const auto profile = [](World& w, auto change) {
    w.client.edit<api::VnicProfile>({"", "blue"}, change);
  };
  const Case cases[] = {
      {"VmNotFound", [](World&, auto& s) { s.vmName = "nobody"; }},
      {"TargetNotFound", [](World&, auto& s) { s.targetHostName = "host9"; }},
      {"NicNotMigratable",
       [&](World& w, auto&) { profile(w, [](auto& p) { p.migratable = false; }); }},
      {"NoFreeVf",
       [&](World& w, auto&) { profile(w, [](auto& p) { p.network = "tenant-green"; }); }},
      {"NetworkMissing", [](World& w, auto&) { w.hypervisor.facts("host2").networks.clear(); }},
      {"NetworkInactive",
       [](World& w, auto&) { w.hypervisor.facts("host2").networks.at(0).active = false; }},
      {"VersionTooOld",
       [](World& w, auto&) {
         w.hypervisor.facts("host2").libvirt = {6, 9, 0};
       }},
      {"VersionTooOld",
       [](World& w, auto&) {
         w.hypervisor.facts("host2").qemu = {5, 1, 0};
       }},
      {"NotEnabled",
       [](World& w, auto&) {
         w.client.edit<api::VmHost>({"", "host2"}, [](auto& h) { h.availability = "NoInbound"; });
       }},
      {"NicNotDescribed",
       [](World& w, auto&) {
         w.client.edit<api::Vnic>({"team-a", "db-0"},
                                  [](auto& v) { v.macAddress = "52:54:00:00:00:99"; });
       }},
      {"VmNotRunning",
       [](World& w, auto&) {
         w.hypervisor.setState("host1", World::kUuid, hypervisor::DomainState::Paused);
       }},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.reason);
    World world;
    world.addVm();
    api::VmMigrationSpec spec;
    c.arrange(world, spec);
    world.addMigration(spec);
    world.settle();
    EXPECT_EQ(world.migration().status.phase, "Failed");
    EXPECT_EQ(reasonOf(world.migration()), c.reason) << messageOf(world.migration());
    EXPECT_THAT(world.hypervisor.calls(), IsEmpty());
    EXPECT_THAT(world.client.all<api::VfReservation>(), IsEmpty());
  }
}

// Objects that are applied together come in any order.
TEST(VmMigration, AProfileThatIsNotThereYetIsWaitedFor) {
  for (const std::string name : {"blue", "blue-standby"}) {
    SCOPED_TRACE(name);
    World world;
    world.addVm();
    const auto late = *world.client.find<api::VnicProfile>({"", name});
    ASSERT_TRUE(world.client.remove(api::VnicProfile::resource, {"", name}, {}));
    world.addMigration();
    world.pass();
    world.pass();
    EXPECT_EQ(world.migration().status.phase, "Pending");
    EXPECT_EQ(reasonOf(world.migration()), name == "blue" ? "ProfileNotFound" : "FailoverNotFound");
    EXPECT_THAT(world.hypervisor.calls(), IsEmpty());
    api::VnicProfile again;
    again.metadata.name = name;
    again.spec = late.spec;
    world.client.add(again);
    world.settle();
    expectMoved(world);
  }
}

TEST(VmMigration, NamesEveryReasonAtOnce) {
  World world;
  world.addVm();
  world.hypervisor.facts("host2").networks.clear();
  world.hypervisor.facts("host2").libvirt = {6, 9, 0};
  world.addMigration();
  world.settle();
  EXPECT_THAT(messageOf(world.migration()), HasSubstr("NetworkMissing"));
  EXPECT_THAT(messageOf(world.migration()), HasSubstr("VersionTooOld"));
}

TEST(VmMigration, ForbidRefusesANicThatWouldGoDark) {
  World world;
  world.addVm(1, false);
  api::VmMigrationSpec spec;
  spec.policy.networkOutage = "Forbid";
  world.addMigration(spec);
  world.settle();
  expectStayed(world, "Failed", "NetworkOutage");
  EXPECT_THAT(world.hypervisor.calls(), IsEmpty());
}

TEST(VmMigration, AVmThatAppearedSinceTheHostsWereReadIsFound) {
  World world;
  world.freshHosts = false;
  api::VmMigrationSpec paused;
  paused.vmName = "nobody";
  world.addMigration(paused);
  world.settle();  // the hosts are read, without the VM
  ASSERT_EQ(reasonOf(world.migration()), "VmNotFound");
  ASSERT_TRUE(world.client.remove(api::VmMigration::resource, {"team-a", "move"}, {}));
  world.addVm();
  world.addMigration();
  world.settle();
  expectMoved(world);
}

TEST(VmMigration, AVmOfAnotherNamespaceIsOutOfReach) {
  World world;
  world.addVm();
  api::VmMigration m;
  world.addMigration();
  VmShape shape;
  shape.name = "theirs";
  shape.uuid = "22222222-2222-2222-2222-222222222222";
  shape.vnicNamespace = "team-b";
  world.hypervisor.addVm("host1", shape);
  world.client.edit<api::VmMigration>({"team-a", "move"}, [](auto& s) { s.vmName = "theirs"; });
  world.settle();
  EXPECT_EQ(reasonOf(world.migration()), "VmNotInNamespace");
  EXPECT_THAT(world.hypervisor.calls(), IsEmpty());
}

TEST(VmMigration, AHostThatDoesNotAnswerIsWaitedFor) {
  World world;
  world.addVm();
  world.hypervisor.setAway("host2", true);
  world.addMigration();
  world.pass();
  world.pass();
  EXPECT_EQ(world.migration().status.phase, "Pending");
  EXPECT_EQ(reasonOf(world.migration()), "HostUnknown");
  world.hypervisor.setAway("host2", false);
  world.settle();
  expectMoved(world);
}

TEST(VmMigration, ADeafGuestKeepsItsVfs) {
  World world;
  world.addVm(2);
  world.hypervisor.setDeaf(World::kUuid, true);
  world.addMigration();
  world.settle();
  expectStayed(world, "Failed", "UnplugTimeout");
  // 30 s for two NICs, asked every 6 s: QEMU refuses to ask again while the 5 s for an answer run.
  const auto calls = world.hypervisor.calls();
  const auto asked = std::count_if(calls.begin(), calls.end(), [](const std::string& call) {
    return call.rfind("detach ", 0) == 0;
  });
  EXPECT_LE(asked, 12);
  EXPECT_GE(asked, 8);
  EXPECT_EQ(world.liveVf("host1", World::kMac2), "0000:01:10.2");
  EXPECT_THAT(world.hypervisor.migrationRequests(), IsEmpty());
}

TEST(VmMigration, WhenTheSecondVfStaysInTheGuestTheFirstComesBack) {
  World world;
  world.addVm(2);
  world.hypervisor.keepInGuest(World::kMac2);
  world.addMigration();
  world.settle();
  expectStayed(world, "Failed", "UnplugTimeout");
  EXPECT_THAT(messageOf(world.migration()), HasSubstr(World::kMac2));
  EXPECT_THAT(world.hypervisor.calls(), Contains(std::string("detach host1 db ") + World::kMac))
      << "it was out";
  EXPECT_EQ(world.liveVf("host1"), "0000:01:10.0");
  EXPECT_EQ(world.liveVf("host1", World::kMac2), "0000:01:10.2");
  EXPECT_EQ(world.purposeOf("host1", "0000:01:10.0"), "InUse");
  EXPECT_EQ(world.purposeOf("host1", "0000:01:10.2"), "InUse");
  EXPECT_EQ(world.client.all<api::VfReservation>().size(), 2u) << "none is left on the target";
  EXPECT_THAT(world.hypervisor.migrationRequests(), IsEmpty());
}

TEST(VmMigration, CancelInEveryPhaseEndsInOneOfTwoStates) {
  for (const char* phase : {"Reserving", "Detaching", "Migrating", "Attaching"}) {
    for (const bool byDeletion : {false, true}) {
      SCOPED_TRACE(std::string(phase) + (byDeletion ? " by deletion" : ""));
      World world;
      world.addVm();
      world.addMigration();
      // A copy that is not through when the abort reaches it.
      if (std::string(phase) == "Migrating") world.hypervisor.migrationPolls = 1000;
      world.until(phase);
      if (byDeletion) {
        ASSERT_TRUE(world.client.remove(api::VmMigration::resource, {"team-a", "move"}, {}));
      } else {
        world.client.edit<api::VmMigration>({"team-a", "move"}, [](auto& s) { s.cancel = true; });
      }
      world.settle();
      const bool onTarget = world.hypervisor.running("host2", World::kUuid);
      EXPECT_NE(world.hypervisor.running("host1", World::kUuid), onTarget);
      EXPECT_NE(world.liveVf(onTarget ? "host2" : "host1"), "");
      EXPECT_EQ(world.broken(), "");
      EXPECT_EQ(onTarget, std::string(phase) == "Attaching");
      if (byDeletion) {
        EXPECT_EQ(world.migration().metadata.name, "") << "the object is still there";
      } else {
        EXPECT_EQ(world.migration().status.phase, onTarget ? "Succeeded" : "Cancelled");
      }
    }
  }
}

TEST(VmMigration, AFailedCopyIsTriedAgainWithTheVfsBackInBetween) {
  World world;
  world.addVm();
  world.hypervisor.migrationPolls = 1000;
  api::VmMigrationSpec spec;
  spec.policy.maxAttempts = 2;
  world.addMigration(spec);
  for (int attempt = 1; attempt <= 2; ++attempt) {
    world.until("Migrating");
    world.pass();
    world.hypervisor.failMigration(World::kUuid, Error::transient("the copy broke"));
    world.until("Attaching");
  }
  world.settle();
  expectStayed(world, "Failed", "CopyFailed");
  EXPECT_THAT(messageOf(world.migration()), HasSubstr("the copy broke"));
  EXPECT_EQ(world.migration().status.attempts, 2);
}

TEST(VmMigration, AVfThatCannotBePluggedGivesWayToAnother) {
  World world;
  world.addVm();
  world.addMigration();
  world.until("Migrating");
  world.hypervisor.failNext(Operation::Attach, Error{ErrorKind::Transient, "the PF is not online",
                                                     hypervisor::kInternalError});
  world.settle();
  expectMoved(world);
  EXPECT_NE(world.liveVf("host2"), world.migration().status.nics.at(0).sourceVf);
  // The definition that the target keeps names the VF that the guest has.
  const auto domain = world.hypervisor.domain("host2", World::kUuid);
  const auto kept = domain::parseDomain(domain->persistentXml);
  EXPECT_EQ(kept->hostdevs.at(0).source.str(), world.liveVf("host2"));
  EXPECT_EQ(world.client.all<api::VfReservation>().size(), 1U);
}

TEST(VmMigration, ACopyThatTakesTooLongIsAborted) {
  World world;
  world.addVm();
  world.hypervisor.migrationPolls = 1'000'000;
  api::VmMigrationSpec spec;
  spec.policy.completionTimeoutSecondsPerGiB = 10;
  spec.policy.maxAttempts = 1;
  world.addMigration(spec);
  world.settle();
  EXPECT_EQ(world.migration().status.phase, "Failed");
  EXPECT_THAT(reasonOf(world.migration()), testing::AnyOf("CompletionTimeout", "ProgressTimeout"));
  EXPECT_EQ(world.liveVf("host1"), "0000:01:10.0");
}

TEST(VmMigration, ANicThatCannotBePluggedIsNamedAndHealsLater) {
  World world;
  world.addVm();
  world.addMigration();
  world.until("Migrating");
  for (int i = 0; i < 300; ++i) {
    world.hypervisor.failNext(Operation::Attach, Error::transient("PF is down"));
  }
  world.until("Degraded");
  world.pass();
  const auto m = world.migration();
  EXPECT_EQ(m.status.phase, "Degraded");
  EXPECT_THAT(messageOf(m), HasSubstr(World::kMac));
  EXPECT_EQ(m.status.nics.at(0).state, "Missing");
  EXPECT_EQ(m.status.nics.at(0).message, "PF is down");
  EXPECT_TRUE(isTrue(m.status.conditions, api::condition::kReconciling));
  EXPECT_EQ(world.purposeOf("host2", m.status.nics.at(0).targetVf), "InUse");

  api::Vnic vnic = *world.client.find<api::Vnic>({"team-a", "db-0"});
  vnic.status.host = "host2";
  vnic.status.vf = "0000:01:10.4";
  api::setCondition(vnic.status.conditions,
                    {api::condition::kAttached, api::ConditionStatus::True, 1, "", "Attached", ""},
                    world.clock.wall());
  ASSERT_TRUE(kube::applyStatus<api::Vnic>(world.client, vnic.metadata, toJson(vnic.status)));
  world.settle();
  EXPECT_EQ(world.migration().status.phase, "Succeeded");
  EXPECT_EQ(reasonOf(world.migration()), "Healed");
}

TEST(VmMigration, ASourceLeftPausedByABrokenSwitchOverIsResumed) {
  World world;
  world.addVm();
  world.hypervisor.migrationPolls = 1000;
  api::VmMigrationSpec spec;
  spec.policy.maxAttempts = 1;
  world.addMigration(spec);
  world.until("Migrating");
  world.pass();
  world.hypervisor.failMigration(World::kUuid, Error::transient("the connection broke"));
  world.hypervisor.setState("host1", World::kUuid, hypervisor::DomainState::Paused,
                            hypervisor::PausedReason::Migration);
  world.settle();
  expectStayed(world, "Failed", "CopyFailed");
  EXPECT_THAT(world.events.reasons, Contains("SourceResumed"));
}

TEST(VmMigration, AVfThatSomebodyElseHoldsDelaysItOnlySoLong) {
  World world;
  world.addVm();
  // Their books say that they have the VF that is in our guest.
  api::VfReservation other;
  other.metadata.name = api::VfReservation::nameFor("host1", "0000:01:10.0");
  other.spec.hostName = "host1";
  other.spec.address = "0000:01:10.0";
  other.spec.holder = {"team-b", "x", "uid-x"};
  world.client.add(other);
  api::VmMigrationSpec spec;
  spec.policy.maxAttempts = 1;
  world.addMigration(spec);
  world.settle();
  expectStayed(world, "Failed", "ReserveTimeout");
  EXPECT_THAT(world.hypervisor.calls(), IsEmpty());
}

TEST(VmMigration, AutostartFollowsTheVm) {
  World world;
  world.addVm();
  ASSERT_TRUE(world.hypervisor.setAutostart("host1", World::kUuid, true));
  world.addMigration();
  world.until("Migrating");
  EXPECT_FALSE(world.hypervisor.domain("host1", World::kUuid)->autostart);
  world.settle();
  expectMoved(world);
  EXPECT_TRUE(world.hypervisor.domain("host2", World::kUuid)->autostart);
}

TEST(VmMigration, AMigrationThatFinishedIsNotRunAgainWithoutItsStatus) {
  World world;
  world.addVm();
  api::VmMigration m;
  m.metadata.ns = "team-a";
  m.metadata.name = "move";
  m.metadata.annotations[api::kFinishedAnnotation] = "Failed";
  m.spec.vmName = "db";
  world.client.add(m);
  world.settle();
  expectStayed(world, "Failed", "FinishedBefore");
  EXPECT_THAT(world.hypervisor.calls(), IsEmpty());
}

TEST(VmMigration, AFinishedOneIsDoneAndWritesNothingMore) {
  World world;
  world.addVm();
  world.addMigration();
  world.settle();
  world.client.forgetWrites();
  EXPECT_FALSE(world.pass());
  EXPECT_THAT(world.client.writes(), IsEmpty());
}

TEST(VmMigration, APausedOneSaysSoAndRests) {
  World world;
  world.addVm();
  api::VmMigration m;
  m.metadata.ns = "team-a";
  m.metadata.name = "move";
  m.metadata.annotations[api::kPausedAnnotation] = "true";
  m.spec.vmName = "db";
  world.client.add(m);
  world.settle();
  EXPECT_EQ(reasonOf(world.migration()), "Paused");
  EXPECT_THAT(world.hypervisor.calls(), IsEmpty());
}

// The operator is killed after each of its passes, and starts with an empty memory.
TEST(VmMigration, EndsTheSameWhenTheOperatorDiesAfterAnyPass) {
  World world;
  world.addVm(2);
  world.addMigration();
  for (int i = 0; i < 500 && world.pass(); ++i) {
    EXPECT_EQ(world.broken(), "");
    world.restartOperator();
  }
  expectMoved(world);
}

// The operator dies after its first, second, third ... effect, in a world of its own each time.
TEST(VmMigration, EndsTheSameWhenTheOperatorDiesAfterAnyEffect) {
  int crashes = 0;
  for (int effects = 0; effects < 40; ++effects) {
    SCOPED_TRACE("killed after effect " + std::to_string(effects));
    World world;
    world.addVm(2);
    world.addMigration();
    world.effectsLeft = effects;
    for (int i = 0; i < 500 && *world.effectsLeft >= 0 && world.pass(); ++i) {
    }
    if (*world.effectsLeft >= 0) break;  // it was through before
    ++crashes;
    world.effectsLeft.reset();
    world.restartOperator();
    world.settle();
    const auto phase = world.migration().status.phase;
    const bool onTarget = world.hypervisor.running("host2", World::kUuid);
    EXPECT_EQ(phase, "Succeeded") << messageOf(world.migration());
    EXPECT_TRUE(onTarget);
    EXPECT_NE(world.liveVf(onTarget ? "host2" : "host1"), "");
    EXPECT_NE(world.liveVf(onTarget ? "host2" : "host1", World::kMac2), "");
    EXPECT_EQ(world.broken(), "");
  }
  EXPECT_GE(crashes, 10);
}

}  // namespace
}  // namespace vnic::test
