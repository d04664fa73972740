// SPDX-License-Identifier: Apache-2.0
// VMs that are shut off, and what their definitions say beside the live VM.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/names.h"
#include "unit/reconcile/vnic/world.h"

namespace vnic::reconcile::vnic {
namespace {

using hypervisor::DomainState;
using test::VnicWorld;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

void expectPass(VnicWorld& world, const std::string& vnic = "db-blue") {
  const auto done = world.pass(vnic);
  ASSERT_TRUE(done) << done.error().message;
}

void shutOff(VnicWorld& world) {
  world.hypervisor.setState("host1", VnicWorld::kUuid, DomainState::ShutOff);
}

std::string message(VnicWorld& world, const char* type) {
  const auto vnic = world.vnic();
  const auto* condition = api::findCondition(vnic.status.conditions, type);
  return condition ? condition->message : "";
}

domain::DomainDescription defined(VnicWorld& world) {
  return domain::parseDomain(world.hypervisor.domain("host1", VnicWorld::kUuid)->persistentXml)
      .value();
}

TEST(VnicShutOff, ANicOfTheDefinitionIsAdoptedAndItsVfBooked) {
  VnicWorld world;
  world.addVm();
  world.addVnic();
  shutOff(world);
  expectPass(world);
  expectPass(world);
  EXPECT_EQ(world.condition("Attached"), "True Defined");
  EXPECT_EQ(world.condition("Ready"), "True Defined");
  EXPECT_EQ(world.condition("InSync"), "True InSync");
  EXPECT_EQ(world.vnic().status.vf, "0000:01:10.0");
  EXPECT_EQ(world.vnic().status.guestAddress, "0000:03:00.0");
  EXPECT_THAT(world.reservations(), ElementsAre("host1.0000-01-10.0 InUse"));
  world.sweep();
  EXPECT_THAT(world.reservations(), ElementsAre("host1.0000-01-10.0 InUse"));
  EXPECT_THAT(world.hypervisor.calls(), IsEmpty());
}

TEST(VnicShutOff, PlugsIntoTheDefinitionOnly) {
  VnicWorld world;
  world.addBareVm();
  shutOff(world);
  const auto vnic = world.addVnic();
  expectPass(world);
  const auto definition = defined(world);
  ASSERT_EQ(definition.hostdevs.size(), 1u);
  EXPECT_EQ(definition.hostdevs[0].alias, "ua-" + vnic.metadata.uid);
  EXPECT_EQ(definition.hostdevs[0].source.str(), "0000:01:10.0");
  ASSERT_NE(definition.standbyFor(definition.hostdevs[0]), nullptr);
  EXPECT_EQ(world.condition("Attached"), "True Defined");
  world.sweep();
  EXPECT_THAT(world.reservations(), ElementsAre("host1.0000-01-10.0 InUse"));
  EXPECT_EQ(world.claimHolder(), std::nullopt);
}

// Killed between the reservation and the definition: the VF is not given away meanwhile.
TEST(VnicShutOff, AReservationOutlivesAnOperatorThatDiedBeforeTheDefinition) {
  VnicWorld world;
  world.addBareVm();
  shutOff(world);
  world.addVnic();
  world.hypervisor.failNext(test::Operation::Attach, Error::transient("killed here"));
  expectPass(world);
  world.sweep();
  EXPECT_THAT(world.reservations(), ElementsAre("host1.0000-01-10.0 InUse"));
  world.restartOperator();
  expectPass(world);
  EXPECT_EQ(world.definedVf(), "0000:01:10.0");
}

TEST(VnicShutOff, UnplugsFromTheDefinitionAndFreesTheVf) {
  VnicWorld world;
  world.addVm();
  world.addVnic();
  expectPass(world);
  shutOff(world);
  world.client.edit<api::Vnic>({"team-a", "db-blue"},
                               [](auto& spec) { spec.desiredState = "Detached"; });
  expectPass(world);
  EXPECT_THAT(defined(world).hostdevs, IsEmpty());
  EXPECT_THAT(defined(world).virtualNics, IsEmpty());
  EXPECT_EQ(world.condition("Ready"), "True Detached");
  world.sweep();
  EXPECT_THAT(world.reservations(), IsEmpty());
}

// The definition may be the leftover of a VM that runs on the host that is silent.
TEST(VnicShutOff, IsLeftAloneWhileAHostIsSilent) {
  VnicWorld world;
  world.addBareVm();
  shutOff(world);
  world.addVnic();
  world.hypervisor.setAway("host2", true);
  expectPass(world);
  EXPECT_EQ(world.condition("Ready"), "False HostUnknown");
  EXPECT_THAT(message(world, "Ready"), HasSubstr("host2"));
  EXPECT_THAT(world.hypervisor.calls(), IsEmpty());
  world.hypervisor.setAway("host2", false);
  expectPass(world);
  EXPECT_EQ(world.condition("Ready"), "True Defined");
}

TEST(VnicShutOff, DoesNotBookAVfThatARunningVmHas) {
  VnicWorld world;
  world.addVm();
  shutOff(world);
  world.addVnic();
  world.addVmWithVf("0000:01:10.0");
  expectPass(world);
  EXPECT_EQ(world.condition("Ready"), "False VfInUseByOther");
  EXPECT_THAT(world.reservations(), IsEmpty());
}

TEST(VnicShutOff, APausedVmIsNotTouched) {
  VnicWorld world;
  world.addBareVm();
  world.hypervisor.setState("host1", VnicWorld::kUuid, DomainState::Paused);
  world.addVnic();
  expectPass(world);
  EXPECT_EQ(world.condition("Ready"), "False VmNotRunning");
  EXPECT_THAT(world.hypervisor.calls(), IsEmpty());
}

TEST(VnicDefinition, HasTheNicAtTheSamePlaceOfTheGuestAsTheRunningVm) {
  VnicWorld world;
  world.addBareVm();
  world.addVnic();
  expectPass(world);
  const auto domain = world.hypervisor.domain("host1", VnicWorld::kUuid).value();
  const auto live = domain::parseDomain(domain.liveXml).value();
  const auto definition = domain::parseDomain(domain.persistentXml).value();
  ASSERT_TRUE(live.hostdevs.at(0).guestAddress);
  EXPECT_EQ(definition.hostdevs.at(0).guestAddress, live.hostdevs[0].guestAddress);
  ASSERT_TRUE(live.virtualNics.at(0).guestAddress);
  EXPECT_EQ(definition.virtualNics.at(0).guestAddress, live.virtualNics[0].guestAddress);
  EXPECT_NE(live.virtualNics[0].guestAddress, live.hostdevs[0].guestAddress);
  EXPECT_EQ(world.condition("InSync"), "True InSync");
}

// libvirt took the NIC live, and not into the definition: the next pass completes it.
TEST(VnicDefinition, IsCompletedWhenTheOperatorDiedAfterTheLiveAttach) {
  VnicWorld world;
  world.addBareVm();
  const auto vnic = world.addVnic();
  world.sync();
  expectPass(world);
  const std::string complete =
      world.hypervisor.domain("host1", VnicWorld::kUuid).value().persistentXml;
  const auto vf = defined(world).hostdevs.at(0);
  ASSERT_TRUE(world.hypervisor.detachDevice(
      "host1", VnicWorld::kUuid, domain::vfDeviceXml(domain::planOf(vf), vf.source).value(),
      hypervisor::DeviceScope::Persistent));
  world.restartOperator();
  expectPass(world);
  EXPECT_EQ(world.definedVf(), "0000:01:10.0");
  EXPECT_EQ(world.condition("Ready"), "True Attached");
  EXPECT_EQ(defined(world).hostdevs.at(0).guestAddress, vf.guestAddress);
}

// A NIC that a person plugged in live only is theirs: it is adopted as it is.
TEST(VnicDefinition, OfAnAdoptedNicIsLeftAndTheDifferenceNamed) {
  VnicWorld world;
  world.addVm();
  world.addVnic();
  const auto vf = defined(world).hostdevs.at(0);
  ASSERT_TRUE(world.hypervisor.detachDevice(
      "host1", VnicWorld::kUuid, domain::vfDeviceXml(domain::planOf(vf), vf.source).value(),
      hypervisor::DeviceScope::Persistent));
  const auto calls = world.hypervisor.calls();
  expectPass(world);
  expectPass(world);
  EXPECT_EQ(world.hypervisor.calls(), calls);
  EXPECT_EQ(world.condition("Attached"), "True Attached");
  EXPECT_EQ(world.condition("InSync"), "False DefinitionDiffers");
  EXPECT_THAT(message(world, "InSync"), HasSubstr("the VF is only live"));
}

TEST(VnicDefinition, DriftIsNamedInWords) {
  VnicWorld world;
  world.addVm();
  world.addVnic();
  const auto vf = defined(world).hostdevs.at(0);
  auto other = domain::planOf(vf);
  ASSERT_TRUE(world.hypervisor.detachDevice("host1", VnicWorld::kUuid,
                                            domain::vfDeviceXml(other, vf.source).value(),
                                            hypervisor::DeviceScope::Persistent));
  other.guestAddress = "0000:07:00.0";
  ASSERT_TRUE(world.hypervisor.attachDevice(
      "host1", VnicWorld::kUuid,
      domain::vfDeviceXml(other, *PciAddress::parse("0000:01:10.4")).value(),
      hypervisor::DeviceScope::Persistent));
  expectPass(world);
  EXPECT_EQ(world.condition("InSync"), "False DefinitionDiffers");
  EXPECT_THAT(message(world, "InSync"), HasSubstr("VF 0000:01:10.0 live, 0000:01:10.4 defined"));
  EXPECT_THAT(message(world, "InSync"), HasSubstr("0000:03:00.0 live, 0000:07:00.0 defined"));
}

TEST(VnicDefinition, DriftOfTheStandbyIsNamedInWords) {
  VnicWorld world;
  world.addVm();
  world.addVnic();
  expectPass(world);
  EXPECT_EQ(world.condition("InSync"), "True InSync");
  const auto redefine = [&](const std::string& what, const std::string& instead) {
    std::string xml = world.hypervisor.domain("host1", VnicWorld::kUuid)->persistentXml;
    const auto at = xml.find(what);
    ASSERT_NE(at, xml.npos);
    xml.replace(at, what.size(), instead);
    ASSERT_TRUE(world.hypervisor.define("host1", xml));
    expectPass(world);
    EXPECT_EQ(world.condition("InSync"), "False DefinitionDiffers");
    EXPECT_EQ(world.condition("Ready"), "True DefinitionDiffers");
  };
  redefine("network='tenant-blue'", "network='elsewhere'");
  EXPECT_THAT(message(world, "InSync"), HasSubstr("network tenant-blue live, network elsewhere"));
  redefine("<model type='virtio'/>",
           "<model type='virtio'/><filterref filter='clean-traffic'/><mtu size='9000'/>");
  EXPECT_THAT(message(world, "InSync"), HasSubstr("no filter live, filter clean-traffic defined"));
  EXPECT_THAT(message(world, "InSync"), HasSubstr("the network's MTU live, MTU 9000 defined"));
}

TEST(VnicDefinition, WhatTheProfileOfTheStandbyWantsIsComparedToo) {
  VnicWorld world;
  world.addVm();
  world.addVnic();
  world.client.edit<api::VnicProfile>({"", "blue-standby"}, [](auto& spec) { spec.mtu = 9000; });
  expectPass(world);
  EXPECT_EQ(world.condition("InSync"), "False MtuDiffers");
  world.client.edit<api::VnicProfile>({"", "blue-standby"}, [](auto& spec) {
    spec.mtu.reset();
    spec.networkFilter = "clean-traffic";
  });
  expectPass(world);
  EXPECT_EQ(world.condition("InSync"), "False FilterDiffers");
  EXPECT_EQ(world.condition("Ready"), "True FilterDiffers");
}

}  // namespace
}  // namespace vnic::reconcile::vnic
