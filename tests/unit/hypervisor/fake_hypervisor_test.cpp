// SPDX-License-Identifier: Apache-2.0
// The fake must do what libvirt-on-real-hosts was seen to do: these are the facts that callers rely
// on, and the lab's test of the adapter states the same ones.
#include "support/fake_hypervisor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/domain_xml.h"
#include "hypervisor/error_code.h"

namespace vnic::test {
namespace {

using hypervisor::DeviceScope;
using hypervisor::DomainState;
using hypervisor::PausedReason;

constexpr char kUuid[] = "11111111-1111-1111-1111-111111111111";

class FakeHypervisorTest : public testing::Test {
 protected:
  FakeHypervisorTest() {
    for (const std::string host : {"host1", "host2"}) {
      hosts.addHost(host);
      hosts.setHost(host, "qemu+tls://" + host + "/system");
    }
    VmNic nic;
    nic.mac = "52:54:00:cc:00:01";
    nic.network = "tenant-blue";
    nic.standbyAlias = "ua-standby";
    nic.vf = "0000:01:10.0";
    nic.vfAlias = "ua-vf";
    nic.guestAddress = "0000:05:00.0";
    hosts.addVm("host1", {.name = "vm1", .uuid = kUuid, .vnicNamespace = "demo", .nics = {nic}});
    plan = domain::planOf(describe("host1").passthroughNics().at(0));
  }

  domain::DomainDescription describe(const std::string& host) {
    return *domain::parseDomain(hosts.domain(host, kUuid)->liveXml);
  }
  std::string vf(const char* address) {
    return *domain::vfDeviceXml(plan, *PciAddress::parse(address));
  }
  Status detach() {
    return hosts.detachDevice("host1", kUuid, vf("0000:01:10.0"), DeviceScope::Live);
  }
  Status attach(const std::string& host, const char* address) {
    return hosts.attachDevice(host, kUuid, vf(address), DeviceScope::Live);
  }
  hypervisor::MigrationRequest request() {
    const auto domain = *hosts.domain("host1", kUuid);
    hypervisor::MigrationRequest result;
    result.uuid = kUuid;
    result.peerURI = "qemu+tls://host2/system";
    result.destinationXml = domain.migratableXml;
    result.persistentXml = *domain::persistentDestinationXml(
        domain.persistentXml,
        {{{plan.macAddress, plan.alias, *PciAddress::parse("0000:01:10.4")}}, {}});
    return result;
  }

  FakeHypervisor hosts;
  api::DevicePlan plan;
};

TEST_F(FakeHypervisorTest, ADetachIsLiveOnly) {
  ASSERT_TRUE(detach());
  EXPECT_TRUE(describe("host1").hostdevs.empty());
  EXPECT_EQ(domain::parseDomain(hosts.domain("host1", kUuid)->persistentXml)->hostdevs.size(), 1u);
  EXPECT_EQ(detach().error().code, hypervisor::kDeviceMissing);
}

TEST_F(FakeHypervisorTest, ARunningNicOfANetworkIsOneOfTheNetworksBridge) {
  const domain::VirtualNic live = describe("host1").virtualNics.at(0);
  EXPECT_EQ(live.type, "bridge");
  EXPECT_EQ(live.network, "tenant-blue");
  EXPECT_EQ(live.bridge, "br0");
  const auto domain = *hosts.domain("host1", kUuid);
  for (const std::string& xml : {domain.migratableXml, domain.persistentXml}) {
    const domain::VirtualNic kept = domain::parseDomain(xml)->virtualNics.at(0);
    EXPECT_EQ(kept.type, "network");
    EXPECT_EQ(kept.bridge, "");
  }
}

// Both halves of a pair have it, and libvirt compares no types.
TEST_F(FakeHypervisorTest, AMacThatTwoDevicesHaveNamesNone) {
  plan.alias.clear();
  plan.guestAddress.clear();
  EXPECT_EQ(detach().error().code, hypervisor::kDeviceMissing);
  plan.guestAddress = "0000:05:00.0";
  EXPECT_TRUE(detach());
}

TEST_F(FakeHypervisorTest, ADeafGuestKeepsTheDeviceThoughTheCallSucceeds) {
  hosts.setDeaf(kUuid, true);
  ASSERT_TRUE(detach());
  EXPECT_EQ(describe("host1").hostdevs.size(), 1u);
  EXPECT_EQ(attach("host1", "0000:01:10.2").error().kind, ErrorKind::Transient) << "alias in use";
  hosts.eject("host1", kUuid);
  EXPECT_TRUE(describe("host1").hostdevs.empty());
}

TEST_F(FakeHypervisorTest, APausedGuestLetsGoWhenItRunsAgain) {
  hosts.setState("host1", kUuid, DomainState::Paused);
  ASSERT_TRUE(detach());
  EXPECT_EQ(describe("host1").hostdevs.size(), 1u);
  ASSERT_TRUE(hosts.resume("host1", kUuid));
  EXPECT_TRUE(describe("host1").hostdevs.empty());
}

TEST_F(FakeHypervisorTest, AttachFailsAsLibvirtFails) {
  EXPECT_EQ(attach("host1", "0000:01:10.2").error().code, hypervisor::kConfigUnsupported);
  ASSERT_TRUE(detach());
  EXPECT_EQ(attach("host1", "0000:09:00.0").error().kind, ErrorKind::Invalid) << "no such VF";
  hosts.facts("host1").physicalFunctions[0].linkUp = false;
  EXPECT_EQ(attach("host1", "0000:01:10.0").error().code, hypervisor::kInternalError);
  hosts.facts("host1").physicalFunctions[0].linkUp = true;
  VmShape other{.name = "vm2", .uuid = "22222222-2222-2222-2222-222222222222"};
  other.nics.push_back({.mac = "52:54:00:cc:00:02",
                        .vf = "0000:01:10.0",
                        .vfAlias = "ua-vf2",
                        .guestAddress = "0000:05:00.0"});
  hosts.addVm("host1", other);
  EXPECT_EQ(attach("host1", "0000:01:10.0").error().code, hypervisor::kOperationInvalid);
  ASSERT_TRUE(attach("host1", "0000:01:10.2"));
  EXPECT_EQ(describe("host1").hostdevs.at(0).guestAddress->str(), "0000:05:00.0");
}

TEST_F(FakeHypervisorTest, AMigrationTakesItsTimeAndMovesTheDomain) {
  ASSERT_TRUE(detach());
  hosts.migrationPolls = 2;
  ASSERT_TRUE(hosts.startMigration("host1", request()));
  EXPECT_EQ(hosts.startMigration("host1", request()).error().kind, ErrorKind::AlreadyExists);
  EXPECT_EQ(hosts.domain("host2", kUuid)->pausedReason, PausedReason::Migration);
  EXPECT_EQ(attach("host1", "0000:01:10.0").error().code, hypervisor::kOperationTimeout);
  EXPECT_TRUE(hosts.jobProgress("host1", kUuid)->active);
  EXPECT_FALSE(hosts.migrationOutcome("host1", kUuid)->running);
  EXPECT_FALSE(hosts.migrationOutcome("host1", kUuid)->error);
  EXPECT_EQ(hosts.domain("host1", kUuid).error().kind, ErrorKind::NotFound);
  EXPECT_TRUE(hosts.running("host2", kUuid));
  EXPECT_EQ(domain::parseDomain(hosts.domain("host2", kUuid)->persistentXml)->hostdevs.at(0).source,
            *PciAddress::parse("0000:01:10.4"));
  EXPECT_TRUE(hosts.jobProgress("host2", kUuid)->downtimeMilliseconds);
}

TEST_F(FakeHypervisorTest, AnAbortedMigrationLeavesTheSourceRunning) {
  ASSERT_TRUE(detach());
  ASSERT_TRUE(hosts.startMigration("host1", request()));
  ASSERT_TRUE(hosts.abortJob("host1", kUuid));
  const auto outcome = hosts.migrationOutcome("host1", kUuid);
  EXPECT_EQ(outcome->error->kind, ErrorKind::Cancelled);
  EXPECT_TRUE(hosts.running("host1", kUuid));
  EXPECT_EQ(hosts.domain("host2", kUuid).error().kind, ErrorKind::NotFound);
  EXPECT_TRUE(hosts.abortJob("host1", kUuid)) << "no job is no error";
}

TEST_F(FakeHypervisorTest, AMigrationGoesOnWhenItsProcessDies) {
  ASSERT_TRUE(detach());
  ASSERT_TRUE(hosts.startMigration("host1", request()));
  hosts.forgetOutcomes();
  EXPECT_FALSE(hosts.migrationOutcome("host1", kUuid));
  while (hosts.jobProgress("host1", kUuid)) {
  }
  EXPECT_TRUE(hosts.running("host2", kUuid));
}

struct RefusedCase {
  const char* name;
  void (*arrange)(FakeHypervisor&, hypervisor::MigrationRequest&);
  int code;
};

class RefusedMigration : public FakeHypervisorTest,
                         public testing::WithParamInterface<RefusedCase> {};

TEST_P(RefusedMigration, SaysSoInTheOutcome) {
  ASSERT_TRUE(detach());
  auto wanted = request();
  GetParam().arrange(hosts, wanted);
  ASSERT_TRUE(hosts.startMigration("host1", wanted));
  const auto outcome = hosts.migrationOutcome("host1", kUuid);
  ASSERT_TRUE(outcome->error);
  EXPECT_EQ(outcome->error->code, GetParam().code) << outcome->error->message;
  EXPECT_TRUE(hosts.running("host1", kUuid));
}

INSTANTIATE_TEST_SUITE_P(
    Table, RefusedMigration,
    testing::Values(
        RefusedCase{"targetAway",
                    [](FakeHypervisor& hosts, auto&) { hosts.setAway("host2", true); },
                    hypervisor::kSystemError},
        RefusedCase{"networkMissing",
                    [](FakeHypervisor& hosts, auto&) { hosts.facts("host2").networks.clear(); },
                    hypervisor::kNoNetwork},
        RefusedCase{
            "networkInactive",
            [](FakeHypervisor& hosts, auto&) { hosts.facts("host2").networks[0].active = false; },
            hypervisor::kOperationInvalid},
        RefusedCase{"otherGuest",
                    [](FakeHypervisor&, hypervisor::MigrationRequest& wanted) {
                      wanted.destinationXml = domainXml({.name = "vm1", .uuid = kUuid});
                    },
                    hypervisor::kConfigUnsupported},
        RefusedCase{"nameTaken",
                    [](FakeHypervisor& hosts, auto&) {
                      hosts.addVm("host2",
                                  {.name = "vm1", .uuid = "33333333-3333-3333-3333-333333333333"});
                    },
                    hypervisor::kOperationFailed}),
    [](const auto& info) { return info.param.name; });

TEST_F(FakeHypervisorTest, AVfWithoutTeamingMakesMigrationFail) {
  VmShape shape{.name = "vm3", .uuid = "44444444-4444-4444-4444-444444444444"};
  shape.nics.push_back({.mac = "52:54:00:cc:00:03", .vf = "0000:01:10.6", .vfAlias = "ua-vf3"});
  hosts.addVm("host1", shape);
  hypervisor::MigrationRequest wanted;
  wanted.uuid = shape.uuid;
  wanted.peerURI = "qemu+tls://host2/system";
  wanted.destinationXml = hosts.domain("host1", shape.uuid)->migratableXml;
  ASSERT_TRUE(hosts.startMigration("host1", wanted));
  EXPECT_EQ(hosts.migrationOutcome("host1", shape.uuid)->error->code,
            hypervisor::kOperationInvalid);
}

TEST_F(FakeHypervisorTest, AHostThatIsAwayIsUnknownNeverWithoutTheDomain) {
  hosts.setAway("host1", true);
  EXPECT_EQ(hosts.domain("host1", kUuid).error().kind, ErrorKind::Transient);
  EXPECT_EQ(hosts.snapshot("host1").error().kind, ErrorKind::Transient);
  EXPECT_EQ(detach().error().kind, ErrorKind::Transient);
}

}  // namespace
}  // namespace vnic::test
