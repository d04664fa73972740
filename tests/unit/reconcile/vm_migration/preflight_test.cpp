// SPDX-License-Identifier: Apache-2.0
// What a preflight asks hosts about one VM, and what it makes of the answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/names.h"
#include "kube/typed.h"
#include "reconcile/vm_migration/preflight.h"
#include "runtime/agent_lease.h"
#include "unit/reconcile/vm_migration/world.h"

namespace vnic::test {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

std::string messageOf(const api::VmMigration& m) {
  const auto* ready = findCondition(m.status.conditions, api::condition::kReady);
  return ready ? ready->reason + ": " + ready->message : "";
}

api::VmMigration dryRun(World& world) {
  api::VmMigrationSpec spec;
  spec.mode = "DryRun";
  world.addMigration(spec);
  world.settle();
  return world.migration();
}

TEST(Preflight, ReportsThePlanOfEveryDevice) {
  World world;
  world.addVm(2);
  const auto m = dryRun(world);
  EXPECT_THAT(messageOf(m), StartsWith("WouldSucceed"));
  ASSERT_TRUE(m.status.preflight);
  EXPECT_THAT(m.status.preflight->reasons, IsEmpty());
  EXPECT_THAT(m.status.preflight->warnings, IsEmpty());
  ASSERT_EQ(m.status.preflight->hosts.size(), 1u);
  const auto& host = m.status.preflight->hosts[0];
  EXPECT_THAT(host.warnings, ElementsAre(StartsWith("BridgeUnchecked")));
  EXPECT_THAT(
      host.devices,
      ElementsAre(
          api::DevicePreflight{World::kMac, "db-0", "enp1s0", "0000:01:10.0", "0000:03:00.0"},
          api::DevicePreflight{World::kMac2, "db-1", "enp1s0", "0000:01:10.2", "0000:04:00.0"}));
}

// What a run of the same VM gets is what its dry run has said.
TEST(Preflight, TheRunTakesTheDevicesOfTheReport) {
  World world;
  world.addVm(2);
  world.addMigration();
  world.settle();
  const auto m = world.migration();
  ASSERT_EQ(m.status.phase, "Succeeded") << messageOf(m);
  ASSERT_TRUE(m.status.preflight);
  for (const auto& device : m.status.preflight->hosts.at(0).devices) {
    EXPECT_EQ(world.liveVf("host2", device.mac), device.virtualFunction);
  }
}

struct Refusal {
  const char* reason;
  std::function<void(World&)> arrange;
};

TEST(Preflight, DryRunAndRunRefuseForTheSameReasonBeforeAnythingIsTouched) {
  const Refusal cases[] = {
      {"HasSnapshots", [](World& w) { w.hypervisor.obstacles(World::kUuid).snapshots = 2; }},
      {"HasCheckpoints", [](World& w) { w.hypervisor.obstacles(World::kUuid).checkpoints = 1; }},
      {"MigrationBlocked",
       [](World& w) {
         w.hypervisor.obstacles(World::kUuid).qemuBlockers = {"device 'x' is not migratable"};
       }},
      {"StorageNotShared", [](World& w) { w.hypervisor.setUnsafeStorage(World::kUuid, true); }},
      {"PeerUnreachable",
       [](World& w) {
         w.client.edit<api::VmHost>({"", "host2"},
                                    [](auto& h) { h.peerURI = "qemu+tls://nowhere/system"; });
       }},
      {"MachineNotSupported",
       [](World& w) {
         w.hypervisor.suitabilityOf("host2").machineProblem =
             "the machine 'pc-q35-10.0' is not supported by emulator";
       }},
      {"CpuIncompatible",
       [](World& w) {
         w.hypervisor.suitabilityOf("host2").cpuProblem =
             "Host CPU does not provide required features: svm";
       }},
      {"MemoryLimitTooLow",
       [](World& w) {
         VmShape shape = w.shapeOfVm();
         shape.memoryLimitKiB = shape.memoryKiB - 1;
         w.hypervisor.addVm("host1", shape);
       }},
      {"NotEnoughMemory",
       [](World& w) { w.hypervisor.suitabilityOf("host2").availableMemoryKiB = 1000; }},
  };
  for (const Refusal& c : cases) {
    SCOPED_TRACE(c.reason);
    for (const char* mode : {"DryRun", "Run"}) {
      World world;
      world.addVm();
      c.arrange(world);
      api::VmMigrationSpec spec;
      spec.mode = mode;
      world.addMigration(spec);
      world.settle();
      const auto m = world.migration();
      EXPECT_EQ(m.status.phase, spec.mode == "Run" ? "Failed" : "Succeeded") << messageOf(m);
      EXPECT_THAT(messageOf(m), HasSubstr(c.reason));
      ASSERT_TRUE(m.status.preflight);
      const auto& report = *m.status.preflight;
      std::vector<std::string> reasons = report.reasons;
      for (const auto& host : report.hosts) {
        reasons.insert(reasons.end(), host.reasons.begin(), host.reasons.end());
        if (!host.reasons.empty()) {
          EXPECT_FALSE(host.fits);
          EXPECT_THAT(host.devices, IsEmpty());
        }
      }
      EXPECT_THAT(reasons, Contains(StartsWith(c.reason)));
      EXPECT_THAT(world.hypervisor.calls(), IsEmpty());
      EXPECT_THAT(world.client.all<api::VfReservation>(), IsEmpty());
    }
  }
}

TEST(Preflight, WaitsForABlockJobAndGoesOnWhenItIsOver) {
  World world;
  world.addVm();
  world.hypervisor.obstacles(World::kUuid).blockJobs = {"vda"};
  world.addMigration();
  for (int i = 0; i < 5; ++i) world.pass();
  EXPECT_EQ(world.migration().status.phase, "Pending");
  EXPECT_THAT(messageOf(world.migration()), HasSubstr("BlockJob"));
  EXPECT_THAT(messageOf(world.migration()), HasSubstr("vda"));
  EXPECT_THAT(world.hypervisor.calls(), IsEmpty());
  world.hypervisor.obstacles(World::kUuid).blockJobs.clear();
  world.settle();
  EXPECT_EQ(world.migration().status.phase, "Succeeded") << messageOf(world.migration());
}

TEST(Preflight, WaitsWhenTheHostDoesNotAnswerAboutTheVm) {
  World world;
  world.addVm();
  world.hypervisor.failNext(Operation::Question, Error::transient("no answer in time"));
  world.addMigration();
  world.pass();
  EXPECT_EQ(world.migration().status.phase, "Pending");
  EXPECT_THAT(messageOf(world.migration()), HasSubstr("HostUnknown"));
  EXPECT_THAT(world.hypervisor.calls(), IsEmpty());
  world.settle();
  EXPECT_EQ(world.migration().status.phase, "Succeeded");
}

// A guest that has not taken the pair does not see the VF: QEMU hides it.
TEST(Preflight, AStandbyThatTheGuestDidNotTakeIsAWarningOrARefusal) {
  World allowed;
  allowed.addVm();
  allowed.hypervisor.setNegotiated(World::kUuid, false);
  const auto report = dryRun(allowed);
  EXPECT_THAT(messageOf(report), StartsWith("WouldSucceed"));
  EXPECT_THAT(report.status.preflight->warnings, Contains(StartsWith("StandbyNotNegotiated")));

  World forbidden;
  forbidden.addVm();
  forbidden.hypervisor.setNegotiated(World::kUuid, false);
  api::VmMigrationSpec spec;
  spec.policy.networkOutage = "Forbid";
  forbidden.addMigration(spec);
  for (int i = 0; i < 5; ++i) forbidden.pass();
  EXPECT_THAT(messageOf(forbidden.migration()), HasSubstr("StandbyNotNegotiated"));
  EXPECT_THAT(forbidden.hypervisor.calls(), IsEmpty());
  forbidden.hypervisor.setNegotiated(World::kUuid, true);  // it has booted meanwhile
  forbidden.settle();
  EXPECT_EQ(forbidden.migration().status.phase, "Succeeded");
}

TEST(Preflight, AStandbyWithoutLinkIsAWarningOrARefusal) {
  const auto switchOff = [](World& world) {
    world.addVm();
    const std::string standby =
        "<interface type='network'><mac address='52:54:00:cc:00:01'/>"
        "<source network='tenant-blue'/><model type='virtio'/><teaming type='persistent'/>"
        "<link state='down'/><alias name='ua-standby0'/></interface>";
    ASSERT_TRUE(world.hypervisor.detachDevice("host1", World::kUuid, standby,
                                              hypervisor::DeviceScope::Live));
    ASSERT_TRUE(world.hypervisor.attachDevice("host1", World::kUuid, standby,
                                              hypervisor::DeviceScope::Live));
  };
  World allowed;
  switchOff(allowed);
  EXPECT_THAT(dryRun(allowed).status.preflight->warnings,
              ElementsAre(StartsWith("StandbyLinkDown")));

  World forbidden;
  switchOff(forbidden);
  api::VmMigrationSpec spec;
  spec.policy.networkOutage = "Forbid";
  forbidden.addMigration(spec);
  for (int i = 0; i < 5; ++i) forbidden.pass();
  EXPECT_EQ(forbidden.migration().status.phase, "Pending");
  EXPECT_THAT(messageOf(forbidden.migration()), HasSubstr("StandbyLinkDown"));
  EXPECT_TRUE(forbidden.hypervisor.migrationRequests().empty());
}

TEST(Preflight, AVfWithoutFailoverIsWarnedAbout) {
  World world;
  world.addVm(1, false);
  const auto m = dryRun(world);
  EXPECT_THAT(messageOf(m), StartsWith("WouldSucceed"));
  EXPECT_THAT(m.status.preflight->warnings, ElementsAre(StartsWith("NetworkOutage")));
  // libvirt says nothing of storage and peer while the VF is in the guest, and that is said.
  EXPECT_THAT(m.status.preflight->hosts.at(0).warnings, ElementsAre(StartsWith("MoveUnchecked")));
}

// The guest's bond gives the virtio NIC the VF's MAC, which a filter would not let through.
TEST(Preflight, AFilterOnTheOtherHalfOfABondIsWarnedAbout) {
  World world;
  world.addVm(1, false);
  ASSERT_TRUE(world.hypervisor.attachDevice(
      "host1", World::kUuid,
      "<interface type='network'><mac address='52:54:00:cc:00:07'/><source network='tenant-blue'/>"
      "<model type='virtio'/><filterref filter='clean-traffic'/><alias name='ua-b'/></interface>",
      hypervisor::DeviceScope::Live));
  const auto m = dryRun(world);
  EXPECT_THAT(m.status.preflight->warnings, Contains(StartsWith("FilterStopsBond")));
}

// libvirt says nothing of bridges, so what a living agent says is all there is.
class BridgeOfTheStandby : public testing::Test {
 protected:
  BridgeOfTheStandby() { world.addVm(); }
  void agentSays(const std::vector<api::BridgeFacts>& bridges) {
    api::AgentFacts facts;
    facts.version = "1";
    facts.bridges = bridges;
    const auto host = world.client.find<api::VmHost>({"", "host2"}).value();
    ASSERT_TRUE(kube::applyStatus<api::VmHost>(world.client, host.metadata,
                                               {{"agent", toJson(facts)}}, kube::StatusGuard::None,
                                               api::kAgentFieldManager));
    ASSERT_TRUE(runtime::renewAgentLease(world.client, "vnic-operator-system", "host2", "agent",
                                         world.clock.wall()));
  }
  void addNic(const char* details) {
    ASSERT_TRUE(world.hypervisor.attachDevice(
        "host1", World::kUuid,
        std::string("<interface type='network'><mac address='52:54:00:cc:00:07'/>"
                    "<source network='tenant-blue'/><model type='virtio'/>") +
            details + "<alias name='ua-b'/></interface>",
        hypervisor::DeviceScope::Live));
  }
  api::HostPreflight report() { return dryRun(world).status.preflight->hosts.at(0); }

  World world;
};

TEST_F(BridgeOfTheStandby, IsFineWhereTheAgentSeesIt) {
  agentSays({{"br0", "enp1s0", 9000, true}});
  addNic("<mtu size='9000'/>");
  const auto host = report();
  EXPECT_TRUE(host.fits);
  EXPECT_THAT(host.warnings, IsEmpty());
}

TEST_F(BridgeOfTheStandby, WithoutLinkIsWarnedAbout) {
  agentSays({{"br0", "enp1s0", 1500, false}});
  const auto host = report();
  EXPECT_TRUE(host.fits);
  EXPECT_THAT(host.warnings, ElementsAre(StartsWith("NoCarrier")));
}

TEST_F(BridgeOfTheStandby, ThatIsInternalNeedsNoLink) {
  agentSays({{"br0", "", 1500, false}});
  EXPECT_THAT(report().warnings, IsEmpty());
}

TEST_F(BridgeOfTheStandby, HasToBeThere) {
  agentSays({{"br7", "enp1s0", 1500, true}});
  EXPECT_THAT(report().reasons, ElementsAre(StartsWith("BridgeMissing")));
}

TEST_F(BridgeOfTheStandby, HasToTakeTheGuestsFrames) {
  agentSays({{"br0", "enp1s0", 1500, true}});
  addNic("<mtu size='9000'/>");
  EXPECT_THAT(report().reasons, ElementsAre(StartsWith("MtuTooSmall")));
}

// One of Open vSwitch is none of Linux's, which are all that the agent lists.
TEST_F(BridgeOfTheStandby, OfAnotherKindIsNotJudged) {
  agentSays({{"br0", "enp1s0", 1500, true}});
  addNic("<virtualport type='openvswitch'/><mtu size='9000'/>");
  const auto host = report();
  EXPECT_TRUE(host.fits);
  EXPECT_THAT(host.warnings, IsEmpty());
}

TEST_F(BridgeOfTheStandby, IsUncheckedOnceTheAgentIsSilent) {
  agentSays({{"br7", "enp1s0", 1500, true}});
  world.clock.advance(2 * runtime::kAgentLeaseDuration);
  const auto host = report();
  EXPECT_TRUE(host.fits);
  EXPECT_THAT(host.warnings, ElementsAre(StartsWith("BridgeUnchecked")));
}

TEST_F(BridgeOfTheStandby, ThatIsMissingStopsARunBeforeAnythingIsTouched) {
  agentSays({{"br7", "enp1s0", 1500, true}});
  world.addMigration();
  world.settle();
  EXPECT_EQ(world.migration().status.phase, "Failed");
  EXPECT_THAT(messageOf(world.migration()), HasSubstr("BridgeMissing"));
  EXPECT_THAT(world.hypervisor.calls(), IsEmpty());
}

TEST(Preflight, APairWhoseHalvesDifferIsWarnedAbout) {
  World world;
  world.addVm();
  world.client.edit<api::VnicProfile>({"", "blue"}, [](auto& p) {
    p.vlan = 7;
    p.mtu = 9000;
  });
  const auto m = dryRun(world);
  EXPECT_THAT(m.status.preflight->warnings,
              ElementsAre(StartsWith("VlanDiffers"), StartsWith("MtuDiffers")));
}

// Every NIC that keeps the VM where it is, and no other: not one that is not in the VM now.
TEST(Preflight, NamesAllNicsThatMayNotMove) {
  World world;
  world.addVm(2);
  api::VnicProfile pinned;
  pinned.metadata.name = "pinned";
  pinned.spec.network = "tenant-blue";
  pinned.spec.passthrough = true;
  pinned.spec.migratable = false;
  world.client.add(pinned);
  api::Vnic detached;
  detached.metadata.ns = "team-a";
  detached.metadata.name = "db-detached";
  detached.spec.vmName = "db";
  detached.spec.profile = "pinned";
  detached.spec.macAddress = "52:54:00:cc:00:77";
  world.client.add(detached);
  EXPECT_THAT(messageOf(dryRun(world)), StartsWith("WouldSucceed"));

  ASSERT_TRUE(world.client.remove(api::VmMigration::resource, {"team-a", "move"}, {}));
  for (const char* vnic : {"db-0", "db-1"}) {
    world.client.edit<api::Vnic>({"team-a", vnic}, [](auto& spec) { spec.profile = "pinned"; });
  }
  EXPECT_THAT(dryRun(world).status.preflight->reasons,
              ElementsAre(AllOf(StartsWith("NicNotMigratable"), HasSubstr(World::kMac),
                                HasSubstr(World::kMac2), Not(HasSubstr("cc:00:77")))));
}

TEST(Preflight, APfWithoutLinkIsWarnedAbout) {
  World world;
  world.addVm();
  world.hypervisor.facts("host2").physicalFunctions[0].linkUp = false;
  EXPECT_THAT(dryRun(world).status.preflight->hosts.at(0).warnings,
              Contains(AllOf(StartsWith("PfLinkDown"), HasSubstr("enp1s0"))));
}

// A host that would take the VM of chosenOf().
reconcile::vm_migration::Candidate candidate(const char* name, bool linkUp, int vfs,
                                             int inbound = 0) {
  auto host = std::make_shared<api::VmHost>();
  host->metadata.name = name;
  host->spec.limits.inboundMigrations = inbound + 1;
  reconcile::vm_migration::Candidate c;
  c.host = host;
  c.reachable = true;
  c.inbound = inbound;
  auto facts = std::make_shared<reconcile::vm_host::HostFacts>();
  facts->snapshot.libvirt = {9, 0, 0};
  facts->snapshot.qemu = {7, 2, 0};
  c.facts = facts;
  domain::PfEntry pf{"enp1s0", {}, linkUp, {"tenant-blue"}, {}};
  for (std::uint8_t i = 0; i < vfs; ++i) {
    pf.virtualFunctions.push_back({{0, 1, 0x10, i}, domain::VfState::Free, "", "", "", {}, {}});
  }
  auto inventory = std::make_shared<domain::VfInventory>();
  inventory->physicalFunctions = {pf};
  inventory->totals.free = vfs;
  c.inventory = inventory;
  return c;
}

// Which of them a VM with one VF goes to; "" = none.
std::string chosenOf(std::vector<reconcile::vm_migration::Candidate> candidates) {
  namespace mig = reconcile::vm_migration;
  mig::Observation o;
  o.migration = std::make_shared<api::VmMigration>();
  o.maxParallelMigrations = 1;
  auto profile = std::make_shared<api::VnicProfile>();
  profile->spec.network = "tenant-blue";
  profile->spec.passthrough = true;
  mig::Nic nic;
  nic.vnic = std::make_shared<api::Vnic>();
  nic.profile = profile;
  o.nics = {nic};
  o.candidates = std::move(candidates);
  mig::Sighting source;
  source.host = "host1";
  source.domain.state = hypervisor::DomainState::Running;
  source.description.machine = "pc-q35-10.0";
  const mig::PreflightResult result = mig::preflight(o, source);
  return result.chosen == nullptr ? "" : result.chosen->name();
}

TEST(Preflight, AHostWithLinkComesBeforeOneWithMoreVfs) {
  EXPECT_EQ(chosenOf({candidate("host2", false, 4), candidate("host3", true, 1)}), "host3");
}

TEST(Preflight, WhoIsOnTheWayToAHostIsCountedLikeAVf) {
  EXPECT_EQ(chosenOf({candidate("host2", true, 4, 3), candidate("host3", true, 2)}), "host3");
  EXPECT_EQ(chosenOf({candidate("host2", true, 4, 1), candidate("host3", true, 2)}), "host2");
}

TEST(Preflight, AVfThatCannotBeHotPluggedIsRefused) {
  struct Case {
    const char *machine, *place, *reason;
  };
  for (const Case& c : {Case{"pc-i440fx-10.0", "0000:03:00.0", "MachineNotQ35"},
                        Case{"pc-q35-10.0", "0000:00:05.0", "NotHotpluggable"},
                        Case{"pc-q35-10.0", "0000:03:00.1", "NotHotpluggable"},
                        Case{"pc-q35-10.0", "0000:20:00.0", "NotHotpluggable"}}) {
    SCOPED_TRACE(c.place);
    World world;
    world.addVm();
    VmShape shape = world.shapeOfVm();
    shape.machine = c.machine;
    shape.nics[0].guestAddress = c.place;
    world.hypervisor.addVm("host1", shape);
    const auto m = dryRun(world);
    EXPECT_THAT(m.status.preflight->reasons, Contains(StartsWith(c.reason)));
  }
}

TEST(Preflight, ANicThatNobodyDescribedComesWithAVnicThatDescribesIt) {
  World world;
  world.addVm();
  ASSERT_TRUE(world.client.remove(api::Vnic::resource, {"team-a", "db-0"}, {}));
  const auto m = dryRun(world);
  EXPECT_THAT(m.status.preflight->reasons,
              ElementsAre(HasSubstr(
                  "{apiVersion: vnic.dev/v1alpha1, kind: Vnic, metadata: {namespace: team-a, name: "
                  "db-cc0001}, spec: {vmName: db, profile: {name: blue}, macAddress: "
                  "\"52:54:00:cc:00:01\"}}")));
}

}  // namespace
}  // namespace vnic::test
