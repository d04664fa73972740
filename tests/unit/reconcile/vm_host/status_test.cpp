// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vm_host/status.h"

#include <gtest/gtest.h>

#include "api/names.h"

namespace vnic::reconcile::vm_host {
namespace {

using api::ConditionStatus;

struct Case {
  const char* name;
  void (*arrange)(api::VmHost&, HostFacts&);
  const char* condition;
  ConditionStatus status;
  const char* reason;
};

class HostConditions : public testing::TestWithParam<Case> {
 protected:
  HostConditions() {
    host.metadata.name = "host1";
    host.metadata.generation = 3;
    host.spec.physicalFunctions = {{"enp1s0", {"blue"}}};
    facts.host = "host1";
    facts.known = true;
    facts.snapshot.libvirt = {11, 3, 0};
    facts.snapshot.qemu = {10, 0, 2};
    hypervisor::PhysicalFunction pf;
    pf.netdev = "enp1s0";
    pf.address = *PciAddress::parse("0000:01:00.0");
    pf.virtualFunctions = {{*PciAddress::parse("0000:01:10.0"), 11, 1, "vfio-pci", "", false}};
    facts.snapshot.physicalFunctions = {pf};
  }

  api::VmHost host;
  HostFacts facts;
};

TEST_P(HostConditions, SayWhatIs) {
  GetParam().arrange(host, facts);
  const auto status = buildStatus({host, facts, {}, {}, {}, "vnic-system", WallTime{}});
  const auto* condition = api::findCondition(status.conditions, GetParam().condition);
  ASSERT_NE(condition, nullptr);
  EXPECT_STREQ(toString(condition->status), toString(GetParam().status));
  EXPECT_EQ(condition->reason, GetParam().reason);
  EXPECT_EQ(condition->observedGeneration, 3);
  EXPECT_EQ(status.conditions.size(), 3u);
}

void away(HostFacts& facts) {
  facts.error = Error::transient("No route to host");
}

INSTANTIATE_TEST_SUITE_P(
    Cases, HostConditions,
    testing::Values(Case{"Fine", [](auto&, auto&) {}, "Ready", ConditionStatus::True, "Ready"},
                    Case{"FineIsConnected", [](auto&, auto&) {}, "Connected", ConditionStatus::True,
                         "Connected"},
                    Case{"Away", [](auto&, auto& f) { away(f); }, "Connected",
                         ConditionStatus::False, "Unreachable"},
                    Case{"AwayIsNotReady", [](auto&, auto& f) { away(f); }, "Ready",
                         ConditionStatus::False, "Unreachable"},
                    Case{"VersionsOfAHostThatIsAway", [](auto&, auto& f) { away(f); },
                         "VersionSupported", ConditionStatus::Unknown, "HostUnknown"},
                    Case{"Denied",
                         [](auto&, auto& f) {
                           f.error = Error{ErrorKind::Forbidden, "access denied"};
                         },
                         "Connected", ConditionStatus::False, "AccessDenied"},
                    Case{"Certificate",
                         [](auto&, auto& f) {
                           f.error = Error::transient("Failed to verify peer's certificate");
                         },
                         "Connected", ConditionStatus::False, "CertificateRefused"},
                    Case{"BadUri",
                         [](auto&, auto& f) { f.error = Error::invalid("no such scheme"); },
                         "Connected", ConditionStatus::False, "InvalidLibvirtURI"},
                    Case{"OldLibvirt",
                         [](auto&, auto& f) {
                           f.snapshot.libvirt = {6, 9, 9};
                         },
                         "VersionSupported", ConditionStatus::False, "LibvirtTooOld"},
                    Case{"OldestLibvirt",
                         [](auto&, auto& f) {
                           f.snapshot.libvirt = {7, 0, 0};
                         },
                         "VersionSupported", ConditionStatus::True, "Supported"},
                    Case{"OldQemu",
                         [](auto&, auto& f) {
                           f.snapshot.qemu = {5, 1, 0};
                         },
                         "Ready", ConditionStatus::False, "QemuTooOld"},
                    Case{"PfMissing",
                         [](auto& h, auto&) {
                           h.spec.physicalFunctions.push_back({"enp9s0", {"*"}});
                         },
                         "Ready", ConditionStatus::False, "PhysicalFunctionMissing"},
                    Case{"NoIommu", [](auto&, auto& f) { f.snapshot.vfio = false; }, "Ready",
                         ConditionStatus::False, "NoIommu"},
                    Case{"NoInbound", [](auto& h, auto&) { h.spec.availability = "NoInbound"; },
                         "Ready", ConditionStatus::True, "NoInbound"},
                    Case{"OutOfService",
                         [](auto& h, auto& f) {
                           h.spec.availability = "OutOfService";
                           away(f);
                         },
                         "Ready", ConditionStatus::False, "OutOfService"}),
    [](const auto& info) { return std::string(info.param.name); });

using HostStatus = HostConditions;

TEST_F(HostStatus, ListsAtMostTwoHundredVmsAndCountsAll) {
  for (int i = 0; i < 250; ++i) {
    domain::ParsedDomain domain;
    domain.summary.name = "vm" + std::to_string(1000 + i);
    domain.live.emplace();
    facts.domains.push_back(domain);
  }
  const auto status = buildStatus({host, facts, {}, {}, {}, "vnic-system", WallTime{}});
  EXPECT_EQ(status.vmCount, 250);
  EXPECT_EQ(status.virtualMachines.size(), 200u);
  EXPECT_EQ(status.virtualMachines.front().name, "vm1000");
}

TEST_F(HostStatus, SaysOfEachVmWhetherItCouldMove) {
  const auto add = [&](const char* name, hypervisor::DomainState state, const char* ns,
                       std::vector<std::string> blockers) {
    domain::ParsedDomain domain;
    domain.summary.name = name;
    domain.summary.state = state;
    domain.live.emplace();
    domain.live->vnicNamespace = ns;
    domain.live->blockers = std::move(blockers);
    facts.domains.push_back(domain);
  };
  add("a", hypervisor::DomainState::Running, "team-a", {});
  add("b", hypervisor::DomainState::Running, "", {"one", "two"});
  add("c", hypervisor::DomainState::ShutOff, "team-a", {});
  const auto vms =
      buildStatus({host, facts, {}, {}, {}, "vnic-system", WallTime{}}).virtualMachines;
  ASSERT_EQ(vms.size(), 3u);
  EXPECT_EQ(vms[0], (api::VirtualMachineStatus{"team-a", "a", "", "Running", true, ""}));
  EXPECT_EQ(vms[1],
            (api::VirtualMachineStatus{"team-a", "c", "", "ShutOff", false, "it does not run"}));
  EXPECT_EQ(vms[2],
            (api::VirtualMachineStatus{"vnic-system", "b", "", "Running", false, "one; two"}));
}

// Who wants a host empty reads beforehand, in one list, which VMs would stay.
TEST_F(HostStatus, NamesTheNicsThatKeepAVmWhereItIs) {
  const auto profile = [](const char* name, bool migratable) {
    auto p = std::make_shared<api::VnicProfile>();
    p->metadata.name = name;
    p->spec.passthrough = true;
    p->spec.migratable = migratable;
    return p;
  };
  const auto vnic = [](const char* ns, const char* mac, const char* profileName) {
    auto v = std::make_shared<api::Vnic>();
    v->metadata.ns = ns;
    v->spec.vmName = "db";
    v->spec.profile = profileName;
    v->status.macAddress = mac;
    return v;
  };
  const auto reasonWith = [&](std::vector<std::shared_ptr<const api::Vnic>> vnics) {
    return buildStatus({host,
                        facts,
                        {},
                        std::move(vnics),
                        {profile("blue", true), profile("pinned", false)},
                        "vnic-system",
                        WallTime{}})
        .virtualMachines.at(0)
        .reason;
  };
  domain::ParsedDomain domain;
  domain.summary.name = "db";
  domain.summary.state = hypervisor::DomainState::Running;
  domain.live.emplace().vnicNamespace = "team-a";
  for (const char* mac : {"52:54:00:00:00:01", "52:54:00:00:00:02"}) {
    domain.live->hostdevs.emplace_back().mac = mac;
  }
  facts.domains.push_back(domain);

  EXPECT_EQ(reasonWith({vnic("team-a", "52:54:00:00:00:01", "blue"),
                        vnic("team-a", "52:54:00:00:00:02", "blue")}),
            "");
  EXPECT_EQ(reasonWith({vnic("team-b", "52:54:00:00:00:01", "blue"),
                        vnic("team-a", "52:54:00:00:00:02", "pinned")}),
            "NicNotDescribed: NIC 52:54:00:00:00:01 has no Vnic; "
            "NicNotMigratable: NIC 52:54:00:00:00:02 (VnicProfile pinned)");
}

TEST_F(HostStatus, KeepsWhatWasSeenLastOfAHostThatWasNeverReadByThisProcess) {
  host.status = buildStatus({host, facts, {}, {}, {}, "vnic-system", WallTime{}});
  HostFacts unread;
  away(unread);
  const auto status = buildStatus({host, unread, {}, {}, {}, "vnic-system", WallTime{}});
  EXPECT_EQ(status.libvirtVersion, "11.3.0");
  EXPECT_EQ(status.physicalFunctions, host.status.physicalFunctions);
  EXPECT_FALSE(api::isTrue(status.conditions, api::condition::kConnected));
}

}  // namespace
}  // namespace vnic::reconcile::vm_host
