// SPDX-License-Identifier: Apache-2.0
#include "domain/vf_inventory.h"

#include <gtest/gtest.h>

namespace vnic::domain {
namespace {

const PciAddress kPf = *PciAddress::parse("0000:01:00.0");
const PciAddress kVf = *PciAddress::parse("0000:01:10.0");
const PciAddress kOtherVf = *PciAddress::parse("0000:01:10.2");

// One host, one PF for "blue", two VFs parked on vfio-pci without a netdev.
struct World {
  api::VmHost host;
  hypervisor::HostSnapshot snapshot;
  std::vector<ParsedDomain> domains;
  std::vector<ReservationPtr> reservations;

  World() {
    host.metadata.name = "host1";
    host.spec.physicalFunctions = {{"enp1s0", {"blue"}}};
    hypervisor::PhysicalFunction pf;
    pf.address = kPf;
    pf.netdev = "enp1s0";
    pf.linkUp = true;
    pf.virtualFunctions = {{kOtherVf, 12, 1, "vfio-pci", "", false},
                           {kVf, 11, 1, "vfio-pci", "", false}};
    snapshot.physicalFunctions = {pf};
  }

  // The VF of most tests.
  hypervisor::VirtualFunction& vf() { return snapshot.physicalFunctions[0].virtualFunctions[1]; }

  ParsedDomain& addDomain(const std::string& name) {
    domains.emplace_back();
    domains.back().summary.uuid = "uuid-" + name;
    domains.back().summary.name = name;
    return domains.back();
  }
  static DomainDescription with(const PciAddress& vf) {
    DomainDescription description;
    description.hostdevs.emplace_back();
    description.hostdevs.back().source = vf;
    return description;
  }
  void reserve(const std::string& vnic, const std::string& purpose,
               const std::string& host = "host1", bool moving = false,
               const std::string& address = kVf.str()) {
    api::VfReservation reservation;
    reservation.metadata.name = api::VfReservation::nameFor(host, address);
    reservation.spec.hostName = host;
    reservation.spec.address = address;
    reservation.spec.holder = {"team-a", vnic, "uid-" + vnic};
    reservation.spec.purpose = purpose;
    if (moving) reservation.spec.migration = api::ObjectReference{"team-a", "move", "u"};
    reservations.push_back(std::make_shared<api::VfReservation>(reservation));
  }
  VfInventory build() const { return buildInventory(host, snapshot, domains, reservations); }
};

void expectVf(const World& world, VfState state, const std::string& holder) {
  const VfInventory inventory = world.build();
  const VfEntry* vf = inventory.find(kVf);
  ASSERT_NE(vf, nullptr);
  EXPECT_STREQ(toString(vf->state), toString(state));
  EXPECT_EQ(vf->holder, holder);
}

TEST(VfInventory, VfOnVfioWithoutNetdevIsFree) {
  expectVf(World(), VfState::Free, "");
}

TEST(VfInventory, VfWithAnUnusedNetdevIsFree) {
  World world;
  world.vf().driver = "igbvf";
  world.vf().netdev = "enp1s0v0";
  expectVf(world, VfState::Free, "");
}

TEST(VfInventory, VfThatTheHostUsesIsUnavailable) {
  World world;
  world.vf().netdev = "enp1s0v0";
  world.vf().netdevUp = true;
  expectVf(world, VfState::Unavailable, "the host uses it: the link of enp1s0v0 is up");
}

// libvirt shows neither addresses nor who builds on a netdev.
TEST(VfInventory, VfThatTheHostUsesAsTheNodeAgentSeesIsUnavailable) {
  World world;
  world.host.status.agent.emplace().hostVirtualFunctions = {{kVf.str(), "port of br0"}};
  expectVf(world, VfState::Unavailable, "the host uses it: port of br0");
  EXPECT_EQ(world.build().find(kOtherVf)->state, VfState::Free);
}

TEST(VfInventory, VfWithoutIommuGroupIsUnavailable) {
  World world;
  world.vf().iommuGroup = -1;
  world.vf().iommuGroupSize = 0;
  expectVf(world, VfState::Unavailable, "it has no IOMMU group");
}

TEST(VfInventory, VfThatSharesItsIommuGroupIsUnavailable) {
  World world;
  world.vf().iommuGroupSize = 2;
  expectVf(world, VfState::Unavailable, "it shares IOMMU group 11 with other devices");
}

TEST(VfInventory, VfOfAPfThatIsNotListedIsUnavailable) {
  World world;
  world.host.spec.physicalFunctions = {{"enp9s0", {"*"}}};
  expectVf(world, VfState::Unavailable, "its PF is not in spec.physicalFunctions");
  const VfInventory inventory = world.build();
  EXPECT_EQ(inventory.missingDevices, std::vector<std::string>{"enp9s0"});
  EXPECT_EQ(inventory.totals, api::VirtualFunctionTotals{});
  EXPECT_TRUE(toStatus(inventory).empty());
}

TEST(VfInventory, PfMayBeListedByItsAddress) {
  World world;
  world.host.spec.physicalFunctions = {{"0000:01:00.0", {"*"}}};
  expectVf(world, VfState::Free, "");
  EXPECT_TRUE(world.build().missingDevices.empty());
}

TEST(VfInventory, VfOfARunningVmIsInUse) {
  World world;
  world.addDomain("db").live = World::with(kVf);
  expectVf(world, VfState::InUse, "vm db");
}

TEST(VfInventory, VfThatAPlainHostdevUsesIsInUse) {
  World world;
  auto live = World::with(kVf);
  live.hostdevs[0].isInterface = false;
  world.addDomain("db").live = live;
  expectVf(world, VfState::InUse, "vm db");
}

TEST(VfInventory, VfOfAShutOffVmIsInUse) {
  World world;
  world.addDomain("db").persistent = World::with(kVf);
  expectVf(world, VfState::InUse, "vm db (by its definition)");
}

TEST(VfInventory, RunningVmIsNamedByItsVnic) {
  World world;
  world.addDomain("db").live = World::with(kVf);
  world.reserve("db-blue", "InUse");
  expectVf(world, VfState::InUse, "vnic team-a/db-blue");
}

// After a live detach the definition still names the VF, the reservation says what happens.
TEST(VfInventory, ReservedVfThatNoRunningVmHasIsReserved) {
  World world;
  world.addDomain("db").persistent = World::with(kVf);
  world.reserve("db-blue", "Return");
  expectVf(world, VfState::Reserved, "vnic team-a/db-blue (Return)");
}

TEST(VfInventory, ReservationNamesItsMigration) {
  World world;
  world.reserve("db-blue", "Target", "host1", true);
  expectVf(world, VfState::Reserved, "vnic team-a/db-blue (Target, migration team-a/move)");
}

TEST(VfInventory, ReservationsOfOtherHostsDoNotCount) {
  World world;
  world.reserve("db-blue", "Target", "host2");
  expectVf(world, VfState::Free, "");
  EXPECT_TRUE(world.build().lostReservations.empty());
}

TEST(VfInventory, ReservationOfAVanishedVfIsTold) {
  World world;
  world.reserve("db-blue", "InUse", "host1", false, "0000:01:1f.0");
  EXPECT_EQ(world.build().lostReservations, std::vector<std::string>{"host1.0000-01-1f.0"});
}

// An unreadable definition may name any VF.
TEST(VfInventory, NothingIsFreeWhileADefinitionCannotBeRead) {
  World world;
  world.addDomain("odd").unreadable = "no <domain>";
  expectVf(world, VfState::Unavailable, "the definition of vm odd cannot be read, it may use it");
}

TEST(VfInventory, CountsEveryVfOnce) {
  World world;
  world.addDomain("db").live = World::with(kVf);
  const VfInventory inventory = world.build();
  EXPECT_EQ(inventory.totals, (api::VirtualFunctionTotals{2, 1, 0, 1, 0}));
  EXPECT_EQ(inventory.freeFor("blue"), 1);
  EXPECT_EQ(inventory.freeFor("red"), 0);
  const auto status = toStatus(inventory);
  ASSERT_EQ(status.size(), 1u);
  EXPECT_EQ(status[0].device, "enp1s0");
  EXPECT_EQ(status[0].virtualFunctions[0],
            (api::VirtualFunctionStatus{"0000:01:10.0", "InUse", "vm db"}));
  EXPECT_EQ(status[0].virtualFunctions[1],
            (api::VirtualFunctionStatus{"0000:01:10.2", "Free", ""}));
}

struct AvailabilityCase {
  const char* name;
  void (*arrange)(World&);
  bool available;  // to Vnic db-blue of VM db
};

class Availability : public testing::TestWithParam<AvailabilityCase> {};

TEST_P(Availability, ToOneVnic) {
  World world;
  GetParam().arrange(world);
  const VfInventory inventory = world.build();
  EXPECT_EQ(inventory.find(kVf)->availableTo("uid-db-blue", "uuid-db"), GetParam().available);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Availability,
    testing::Values(
        AvailabilityCase{"Free", [](World&) {}, true},
        AvailabilityCase{"OwnReservation", [](World& w) { w.reserve("db-blue", "InUse"); }, true},
        AvailabilityCase{"OthersReservation", [](World& w) { w.reserve("web-blue", "InUse"); },
                         false},
        AvailabilityCase{"OwnDefinition",
                         [](World& w) { w.addDomain("db").persistent = World::with(kVf); }, true},
        AvailabilityCase{"OthersDefinition",
                         [](World& w) { w.addDomain("web").persistent = World::with(kVf); }, false},
        AvailabilityCase{"RunningSomewhere",
                         [](World& w) { w.addDomain("db").live = World::with(kVf); }, false},
        AvailabilityCase{"HostUsesIt",
                         [](World& w) {
                           w.reserve("db-blue", "InUse");
                           w.vf().netdev = "v0";
                           w.vf().netdevUp = true;
                         },
                         false}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(ParseDomains, KeepsWhatCannotBeReadVisible) {
  hypervisor::Domain domain;
  domain.name = "odd";
  domain.liveXml = "<domain";
  const auto parsed = parseDomains({domain});
  ASSERT_EQ(parsed.size(), 1u);
  EXPECT_FALSE(parsed[0].live);
  EXPECT_NE(parsed[0].unreadable, "");
  EXPECT_EQ(parsed[0].current(), nullptr);
}

}  // namespace
}  // namespace vnic::domain
