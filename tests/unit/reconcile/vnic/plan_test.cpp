// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vnic/plan.h"

#include <gtest/gtest.h>

namespace vnic::reconcile::vnic {
namespace {

constexpr char kMac[] = "52:54:00:00:00:01";

domain::HostdevNic vf(const std::string& alias) {
  domain::HostdevNic nic;
  nic.mac = kMac;
  nic.alias = alias;
  return nic;
}

domain::VirtualNic virtio(bool standby) {
  domain::VirtualNic nic;
  nic.mac = kMac;
  nic.standby = standby;
  nic.alias = "ua-standby";
  return nic;
}

TEST(PartsOf, FindsTheFailoverPairByItsMac) {
  domain::DomainDescription domain;
  domain.hostdevs = {vf("ua-1")};
  domain.virtualNics = {virtio(true)};
  const NicParts parts = partsOf(domain, kMac, "");
  EXPECT_EQ(parts.vf, &domain.hostdevs[0]);
  EXPECT_EQ(parts.virtio, &domain.virtualNics[0]);
  EXPECT_FALSE(parts.ambiguous);
  EXPECT_FALSE(partsOf(domain, "52:54:00:00:00:02", "").any());
}

TEST(PartsOf, MacAloneNeverDecidesBetweenTwoVfs) {
  domain::DomainDescription domain;
  domain.hostdevs = {vf("ua-1"), vf("ua-2")};
  EXPECT_TRUE(partsOf(domain, kMac, "").ambiguous);
  const NicParts parts = partsOf(domain, kMac, "ua-2");
  EXPECT_FALSE(parts.ambiguous);
  EXPECT_EQ(parts.vf, &domain.hostdevs[1]);
}

TEST(PartsOf, PlainPciDevicesAreNoNics) {
  domain::DomainDescription domain;
  domain.hostdevs = {vf("ua-1")};
  domain.hostdevs[0].isInterface = false;
  EXPECT_FALSE(partsOf(domain, kMac, "").any());
}

TEST(MacOf, IsAsAskedElseAsBeforeElseFromTheUid) {
  api::Vnic vnic;
  vnic.metadata.uid = "0b7d";
  const std::string chosen = macOf(vnic);
  EXPECT_EQ(chosen, macOf(vnic));
  EXPECT_EQ(chosen.substr(0, 9), "52:54:00:");
  vnic.status.macAddress = "52:54:00:00:00:02";
  EXPECT_EQ(macOf(vnic), "52:54:00:00:00:02");
  vnic.spec.macAddress = "52:54:00:AA:00:03";
  EXPECT_EQ(macOf(vnic), "52:54:00:aa:00:03");
  api::Vnic other;
  other.metadata.uid = "0b7e";
  EXPECT_NE(macOf(other), chosen);
}

// A VM with a VF missing, on a host that answers.
class Missing : public testing::Test {
 protected:
  Missing() {
    auto facts = std::make_shared<vm_host::HostFacts>();
    facts->host = "host2";
    facts->known = true;
    facts->domains.resize(1);
    facts->domains[0].summary.uuid = "u1";
    facts->domains[0].summary.state = hypervisor::DomainState::Running;
    facts->domains[0].live.emplace();
    o.vm.verdict = VmSearch::Verdict::Found;
    o.vm.domain = &facts->domains[0];
    o.vm.facts = facts;
    auto vnic = std::make_shared<api::Vnic>();
    vnic->metadata.uid = "uid-1";
    o.vnic = vnic;
    auto profile = std::make_shared<api::VnicProfile>();
    profile->spec.passthrough = true;
    profile->spec.failover = "standby";
    profile->spec.vlan = 7;
    o.profile = profile;
    o.mac = kMac;
  }
  void hold(const std::string& host, const std::string& guestAddress) {
    auto reservation = std::make_shared<api::VfReservation>();
    reservation->spec.hostName = host;
    reservation->spec.device.macAddress = kMac;
    reservation->spec.device.alias = "ua-kept";
    reservation->spec.device.standbyAlias = "ua-standby";
    reservation->spec.device.guestAddress = guestAddress;
    reservation->spec.device.originalVf = "0000:01:10.6";
    o.held.push_back(reservation);
  }

  Observation o;
};

TEST_F(Missing, IsPluggedIn) {
  EXPECT_EQ(plan(o).step, Step::Plug);
}

TEST_F(Missing, IsNotPluggedWhileAMigrationHasTheVm) {
  o.migration = std::make_shared<api::VmMigration>();
  EXPECT_EQ(plan(o).step, Step::None);
  EXPECT_EQ(plan(o).reason, "Migrating");
}

TEST_F(Missing, IsNotPluggedBesideANicWithItsMac) {
  const auto stranger = virtio(false);
  o.live.virtio = &stranger;
  EXPECT_EQ(plan(o).reason, "MacInUse");
  const auto standby = virtio(true);
  o.live.virtio = &standby;
  EXPECT_EQ(plan(o).step, Step::Plug);
}

TEST_F(Missing, IsNotTriedAgainTooEarly) {
  Retry retry;
  retry.notBefore = o.now + std::chrono::seconds(3);
  retry.reason = "AttachFailed";
  o.retry = retry;
  EXPECT_EQ(plan(o).step, Step::None);
  EXPECT_EQ(plan(o).reason, "AttachFailed");
  EXPECT_EQ(plan(o).requeueAfter, Duration(std::chrono::seconds(3)));
}

TEST_F(Missing, NewDeviceGetsOurAliasesAndTheProfilesVlan) {
  const auto device = devicePlan(o);
  EXPECT_EQ(device.alias, "ua-uid-1");
  EXPECT_EQ(device.standbyAlias, "ua-uid-1-standby");
  EXPECT_EQ(device.macAddress, kMac);
  EXPECT_EQ(device.vlan, 7);
  EXPECT_TRUE(device.managed);
}

TEST_F(Missing, DeviceIsAsTheReservationOfThisHostKeptIt) {
  hold("host1", "0000:03:00.0");
  hold("host2", "0000:04:00.0");
  const auto device = devicePlan(o);
  EXPECT_EQ(device.alias, "ua-kept");
  EXPECT_EQ(device.guestAddress, "0000:04:00.0");
  EXPECT_EQ(device.originalVf, "");
}

TEST_F(Missing, DeviceIsAsAnotherHostsReservationKeptItElse) {
  hold("host1", "0000:03:00.0");
  EXPECT_EQ(devicePlan(o).guestAddress, "0000:03:00.0");
}

TEST_F(Missing, DeviceFollowsTheStandbyThatTheGuestHas) {
  hold("host2", "0000:04:00.0");
  auto standby = virtio(true);
  standby.alias = "ua-other";
  o.live.virtio = &standby;
  EXPECT_EQ(devicePlan(o).standbyAlias, "ua-other");
}

}  // namespace
}  // namespace vnic::reconcile::vnic
