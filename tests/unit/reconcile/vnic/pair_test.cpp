// SPDX-License-Identifier: Apache-2.0
// Failover pairs: what the guest makes of them, several in one VM, room for them, and their MACs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "api/names.h"
#include "unit/reconcile/vnic/world.h"

namespace vnic::reconcile::vnic {
namespace {

using namespace std::chrono_literals;
using test::VnicWorld;
using testing::HasSubstr;
using testing::IsEmpty;

void expectPass(VnicWorld& world, const std::string& vnic = "db-blue") {
  const auto done = world.pass(vnic);
  ASSERT_TRUE(done) << done.error().message;
}

domain::DomainDescription live(VnicWorld& world) {
  return domain::parseDomain(world.hypervisor.domain("host1", VnicWorld::kUuid)->liveXml).value();
}

void addSecond(VnicWorld& world, api::VnicSpec spec) {
  api::Vnic vnic;
  vnic.metadata.ns = "team-a";
  vnic.metadata.name = "db-second";
  vnic.metadata.uid = "uid-second";
  vnic.metadata.creationTimestamp = "2026-02-01T00:00:00Z";
  vnic.spec = std::move(spec);
  world.client.add(vnic);
}

TEST(VnicPair, SaysWhetherTheGuestHasTakenIt) {
  VnicWorld world;
  world.addVm();
  world.addVnic();
  world.hypervisor.setNegotiated(VnicWorld::kUuid, false);
  const auto first = world.pass();
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(world.vnic().status.negotiated, "False");
  EXPECT_EQ(world.condition("Attached"), "True AttachedUnverified");
  EXPECT_EQ(world.condition("Ready"), "True AttachedUnverified");
  EXPECT_EQ(first->requeueAfter, Duration(30s)) << "no event tells when the guest has";
  world.hypervisor.setNegotiated(VnicWorld::kUuid, true);
  const auto second = world.pass();
  EXPECT_EQ(world.vnic().status.negotiated, "True");
  EXPECT_EQ(world.condition("Attached"), "True Attached");
  EXPECT_EQ(second->requeueAfter, std::nullopt);
}

TEST(VnicPair, IsUnknownWhenQemuCannotBeAsked) {
  VnicWorld world;
  world.addVm();
  world.addVnic();
  world.hypervisor.failNext(test::Operation::Question, Error::transient("no answer in time"));
  expectPass(world);
  EXPECT_EQ(world.vnic().status.negotiated, "Unknown");
  EXPECT_EQ(world.condition("Attached"), "True Attached");
}

TEST(VnicPair, IsNotAskedAgainOnceTheGuestHasTakenIt) {
  VnicWorld world;
  world.addVm();
  world.addVnic();
  expectPass(world);
  world.hypervisor.failNext(test::Operation::Question, Error::transient("asked needlessly"));
  expectPass(world);
  EXPECT_EQ(world.vnic().status.negotiated, "True");
}

TEST(VnicPair, TwoOfOneVmMayShareAFailoverProfile) {
  VnicWorld world;
  world.addBareVm();
  world.addVnic();
  addSecond(world, {.vmName = "db", .profile = "blue", .macAddress = "52:54:00:cc:00:02"});
  expectPass(world);
  expectPass(world, "db-second");
  const auto vm = live(world);
  ASSERT_EQ(vm.hostdevs.size(), 2u);
  ASSERT_EQ(vm.virtualNics.size(), 2u);
  std::set<std::string> aliases, places, vfs;
  for (const auto& vf : vm.hostdevs) {
    const auto* standby = vm.standbyFor(vf);
    ASSERT_NE(standby, nullptr);
    EXPECT_EQ(standby->mac, vf.mac);
    aliases.insert({vf.alias, standby->alias});
    places.insert({vf.guestAddress->str(), standby->guestAddress->str()});
    vfs.insert(vf.source.str());
  }
  EXPECT_EQ(aliases.size(), 4u);
  EXPECT_EQ(places.size(), 4u);
  EXPECT_EQ(vfs.size(), 2u);
  EXPECT_EQ(world.condition("Ready"), "True Attached");
  EXPECT_EQ(world.condition("Ready", "db-second"), "True Attached");

  // One goes, the other stays whole.
  world.client.edit<api::Vnic>({"team-a", "db-second"},
                               [](auto& spec) { spec.desiredState = "Detached"; });
  expectPass(world, "db-second");
  expectPass(world);
  const auto rest = live(world);
  ASSERT_EQ(rest.hostdevs.size(), 1u);
  EXPECT_EQ(rest.hostdevs[0].mac, VnicWorld::kMac);
  EXPECT_NE(rest.standbyFor(rest.hostdevs[0]), nullptr);
  EXPECT_EQ(world.condition("Ready"), "True Attached");
}

// The VF has a place to return to; the standby must not take it.
TEST(VnicPair, AStandbyThatIsMissingAsWellLeavesTheVfItsPlace) {
  VnicWorld world;
  world.addVm();
  world.addVnic();
  expectPass(world);
  world.takeVfOut();
  const auto standby = live(world).virtualNics.at(0);
  const std::string mac = std::string("<mac address='") + VnicWorld::kMac + "'/>";
  ASSERT_TRUE(world.hypervisor.detachDevice(
      "host1", VnicWorld::kUuid,
      "<interface type='network'>" + mac + "<alias name='ua-blue-standby'/></interface>",
      hypervisor::DeviceScope::LiveAndPersistent));
  expectPass(world);
  const auto vm = live(world);
  ASSERT_EQ(vm.hostdevs.size(), 1u) << world.condition("Ready");
  EXPECT_EQ(vm.hostdevs[0].guestAddress->str(), "0000:03:00.0");
  ASSERT_NE(vm.standbyFor(vm.hostdevs[0]), nullptr);
}

TEST(VnicPair, WithoutAFreePortItSaysWhatToDo) {
  VnicWorld world;
  std::vector<test::VmNic> nics;
  for (int i = 1; i <= 7; ++i) {
    test::VmNic nic;
    nic.mac = "52:54:00:dd:00:0" + std::to_string(i);
    nic.network = "tenant-blue";
    nic.standbyAlias = "ua-x" + std::to_string(i);
    nics.push_back(nic);
  }
  world.hypervisor.addVm(
      "host1", {.name = "db", .uuid = VnicWorld::kUuid, .vnicNamespace = "team-a", .nics = nics});
  world.addVnic();
  expectPass(world);
  EXPECT_EQ(world.condition("Ready"), "False NoFreeHotplugPort");
  EXPECT_THAT(world.hypervisor.calls(), IsEmpty()) << "not half a pair";
  const auto vnic = world.vnic();
  EXPECT_THAT(api::findCondition(vnic.status.conditions, "Ready")->message,
              HasSubstr("pcie-root-port"));
}

TEST(VnicMac, AChosenOneIsRecordedBeforeItIsUsed) {
  VnicWorld world;
  world.addBareVm();
  world.addVnic({.vmName = "db", .profile = "plain", .macAddress = ""});
  const auto first = world.pass();
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->requeueAfter, Duration::zero());
  EXPECT_THAT(world.hypervisor.calls(), IsEmpty());
  const std::string mac = world.vnic().status.macAddress;
  EXPECT_EQ(mac.substr(0, 9), "52:54:00:") << "locally administered";
  expectPass(world);
  EXPECT_EQ(live(world).hostdevs.at(0).mac, mac);
}

TEST(VnicMac, AvoidsThoseOfVnicsAndOfVmsThatNobodyDescribed) {
  VnicWorld alone;
  alone.addBareVm();
  alone.addVnic({.vmName = "db", .profile = "plain", .macAddress = ""});
  expectPass(alone);
  const std::string first = alone.vnic().status.macAddress;

  VnicWorld world;  // the same uid, so the same first choice
  world.addBareVm();
  world.hypervisor.addVm(
      "host2", {.name = "web",
                .uuid = "u2",
                .nics = {{.mac = first, .network = "tenant-blue", .standbyAlias = "net0"}}});
  world.addVnic({.vmName = "db", .profile = "plain", .macAddress = ""});
  expectPass(world);
  const std::string second = world.vnic().status.macAddress;
  EXPECT_NE(second, first);
  EXPECT_EQ(second.substr(0, 9), "52:54:00:");
  expectPass(world);
  world.restartOperator();
  expectPass(world);
  EXPECT_EQ(world.vnic().status.macAddress, second) << "kept";
}

}  // namespace
}  // namespace vnic::reconcile::vnic
