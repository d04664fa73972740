// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vm_host/status.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "api/names.h"
#include "api/text.h"
#include "hypervisor/connection_error.h"
#include "reconcile/described_nic.h"
#include "reconcile/verdict.h"
#include "support/time_format.h"

namespace vnic::reconcile::vm_host {
namespace {

using api::ConditionStatus;

Verdict connected(const StatusInput& input) {
  const HostFacts& facts = input.facts;
  if (!facts.error) return {ConditionStatus::True, "Connected", "libvirt answers"};
  std::string message = facts.error->message;
  if (facts.known) {
    message += fmt::format(". VMs and VFs are shown as seen at {}; how they are now is unknown",
                           formatTime(facts.readAt));
  }
  if (facts.error->kind == ErrorKind::Invalid) {
    return {ConditionStatus::False, "InvalidLibvirtURI", message};
  }
  if (hypervisor::isCertificateError(*facts.error)) {
    return {ConditionStatus::False, "CertificateRefused",
            message + ". To do: " + hypervisor::connectionFix(*facts.error)};
  }
  const bool denied = facts.error->kind == ErrorKind::Forbidden;
  return {ConditionStatus::False, denied ? "AccessDenied" : "Unreachable", message};
}

Verdict versionSupported(const StatusInput& input) {
  if (!input.facts.reachable()) {
    return {ConditionStatus::Unknown, "HostUnknown", "The host does not answer"};
  }
  const auto& snapshot = input.facts.snapshot;
  if (snapshot.libvirt < kOldestLibvirt) {
    return {ConditionStatus::False, "LibvirtTooOld",
            fmt::format("libvirt {} is too old, {} is needed", snapshot.libvirt.str(),
                        kOldestLibvirt.str())};
  }
  if (snapshot.qemu < kOldestQemu) {
    return {ConditionStatus::False, "QemuTooOld",
            fmt::format("QEMU {} is too old for failover, {} is needed", snapshot.qemu.str(),
                        kOldestQemu.str())};
  }
  return {ConditionStatus::True, "Supported", ""};
}

Verdict ready(const StatusInput& input, const domain::VfInventory& inventory,
              const api::Conditions& others) {
  if (input.host.spec.availability == "OutOfService") {
    return {ConditionStatus::False, "OutOfService", "spec.availability says so"};
  }
  for (const char* type : {api::condition::kConnected, api::condition::kVersionSupported}) {
    const api::Condition* other = api::findCondition(others, type);
    if (other->status != ConditionStatus::True) {
      return {ConditionStatus::False, other->reason, other->message};
    }
  }
  if (!inventory.missingDevices.empty()) {
    return {ConditionStatus::False, "PhysicalFunctionMissing",
            fmt::format("The host has no PF {} of `spec.physicalFunctions`",
                        fmt::join(inventory.missingDevices, ", "))};
  }
  if (inventory.totals.total > 0 && !input.facts.snapshot.vfio) {
    return {ConditionStatus::False, "NoIommu",
            "No VF has an IOMMU group; switch the IOMMU on in firmware and kernel arguments"};
  }
  if (!inventory.lostReservations.empty()) {
    return {ConditionStatus::True, "VfsVanished",
            fmt::format("The host can be used, but it has no longer the VFs of {}",
                        fmt::join(inventory.lostReservations, ", "))};
  }
  if (input.host.spec.availability == "NoInbound") {
    return {ConditionStatus::True, "NoInbound", "VMs stay, none is moved to the host"};
  }
  return {ConditionStatus::True, "Ready", "The host can be used"};
}

// Why each NIC with a VF keeps its VM here; the preflight of a migration says the same.
std::vector<std::string> nicsThatStay(const StatusInput& input, const std::string& ns,
                                      const std::string& vmName,
                                      const domain::DomainDescription& vm) {
  std::vector<std::string> why;
  for (const domain::HostdevNic& nic : vm.passthroughNics()) {
    const auto vnic = describedNic(ns, vmName, nic.mac, input.vnics);
    if (!vnic) {
      why.push_back(fmt::format("NicNotDescribed: NIC {} has no Vnic", nic.mac));
      continue;
    }
    for (const auto& profile : input.profiles) {
      if (profile->metadata.name != vnic->spec.profile || profile->spec.migratable) continue;
      why.push_back(fmt::format("NicNotMigratable: NIC {} (VnicProfile {})", nic.mac,
                                profile->metadata.name));
    }
  }
  return why;
}

api::VirtualMachineStatus describe(const domain::ParsedDomain& domain, const StatusInput& input) {
  api::VirtualMachineStatus vm;
  vm.name = api::bounded(domain.summary.name, 253);
  vm.uuid = domain.summary.uuid;
  vm.state = toString(domain.summary.state);
  const domain::DomainDescription* current = domain.current();
  if (current == nullptr) {
    vm.reason = api::bounded("its definition cannot be read: " + domain.unreadable, 1024);
    return vm;
  }
  vm.ns = current->vnicNamespace.empty() ? input.operatorNamespace
                                         : api::bounded(current->vnicNamespace, 63);
  if (domain.summary.state != hypervisor::DomainState::Running) {
    vm.reason = "it does not run";
  } else {
    std::vector<std::string> why = current->blockers;
    for (auto& nic : nicsThatStay(input, vm.ns, domain.summary.name, *current)) {
      why.push_back(std::move(nic));
    }
    vm.reason = api::bounded(fmt::format("{}", fmt::join(why, "; ")), 1024);
  }
  vm.migratable = vm.reason.empty();
  return vm;
}

void setFacts(const StatusInput& input, const domain::VfInventory& inventory,
              api::VmHostStatus& status) {
  const HostFacts& facts = input.facts;
  status.libvirtVersion = facts.snapshot.libvirt.str();
  status.qemuVersion = facts.snapshot.qemu.str();
  status.vmCount = static_cast<int>(facts.domains.size());
  status.virtualMachines.clear();
  for (const auto& domain : facts.domains) {
    status.virtualMachines.push_back(describe(domain, input));
  }
  std::sort(status.virtualMachines.begin(), status.virtualMachines.end(),
            [](const auto& a, const auto& b) {
              return std::tie(a.ns, a.name, a.uuid) < std::tie(b.ns, b.name, b.uuid);
            });
  if (status.virtualMachines.size() > kMaxListedVms) status.virtualMachines.resize(kMaxListedVms);
  status.virtualFunctions = inventory.totals;
  status.physicalFunctions = domain::toStatus(inventory);
}

}  // namespace

const char* toString(hypervisor::DomainState state) {
  switch (state) {
    case hypervisor::DomainState::Running:
      return "Running";
    case hypervisor::DomainState::Paused:
      return "Paused";
    case hypervisor::DomainState::ShutOff:
      return "ShutOff";
    case hypervisor::DomainState::Crashed:
      return "Crashed";
    case hypervisor::DomainState::Other:
      return "Other";
  }
  return "Other";
}

api::VmHostStatus buildStatus(const StatusInput& input) {
  api::VmHostStatus status = input.host.status;
  domain::VfInventory inventory;
  if (input.facts.known) {
    inventory = domain::buildInventory(input.host, input.facts.snapshot, input.facts.domains,
                                       input.reservations);
    setFacts(input, inventory, status);
  }
  status.observedGeneration = input.host.metadata.generation;
  const auto set = [&](const char* type, const Verdict& verdict) {
    setVerdict(status.conditions, type, verdict, input.host.metadata.generation, input.now);
  };
  set(api::condition::kConnected, connected(input));
  set(api::condition::kVersionSupported, versionSupported(input));
  set(api::condition::kReady, ready(input, inventory, status.conditions));
  return status;
}

}  // namespace vnic::reconcile::vm_host
