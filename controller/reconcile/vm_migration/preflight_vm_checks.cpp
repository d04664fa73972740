// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "domain/vnic_manifest.h"
#include "reconcile/vm_migration/preflight_checks.h"

namespace vnic::reconcile::vm_migration {
namespace {

using Violations = std::vector<Violation>;

constexpr std::size_t kMaxNics = 32;  // as the CRD bounds status.nics

template <class Predicate>
std::string macsOf(const Observation& o, Predicate predicate) {
  std::string macs;
  for (const Nic& nic : o.nics) {
    if (predicate(nic)) macs += (macs.empty() ? "" : ", ") + nic.mac;
  }
  return macs;
}

void checkState(const Sighting& source, Violations& out) {
  if (source.domain.state == hypervisor::DomainState::Running) return;
  out.push_back({"VmNotRunning", fmt::format("{} is not running on {} but paused; resume it first",
                                             source.domain.name, source.host)});
}

void checkMachine(const Observation& o, const Sighting& source, Violations& out) {
  if (o.nics.empty() || source.description.isQ35()) return;
  out.push_back(
      {"MachineNotQ35", fmt::format("machine type {} cannot take a VF out and in again; use q35",
                                    source.description.machine)});
}

void checkHotplug(const Observation& o, const Sighting& source, Violations& out) {
  const auto& ports = source.description.hotplugBuses;
  const std::string macs = macsOf(o, [&](const Nic& nic) {
    const auto address = PciAddress::parse(nic.device.guestAddress);
    if (!address) return false;
    return address->function != 0 ||
           std::find(ports.begin(), ports.end(), address->bus) == ports.end();
  });
  if (macs.empty()) return;
  out.push_back(
      {"NotHotpluggable",
       fmt::format("{} sits where the guest cannot hot-plug; move it to slot 0, function 0 of a "
                   "pcie-root-port of its own that does not say hotplug='off'",
                   macs)});
}

void checkNumber(const Observation& o, Violations& out) {
  if (o.nics.size() <= kMaxNics) return;
  out.push_back({"TooManyNics", fmt::format("{} passthrough NICs are more than the {} that one "
                                            "migration can move",
                                            o.nics.size(), kMaxNics)});
}

void checkBlockers(const Sighting& source, Violations& out) {
  for (const std::string& blocker : source.description.blockers) {
    out.push_back({"MigrationBlocked", blocker});
  }
}

void checkDescribed(const Observation& o, const Sighting& source, Violations& out) {
  for (const Nic& nic : o.nics) {
    if (nic.vnic) continue;
    const std::string profile = nic.suggestedProfile.empty() ? "PROFILE" : nic.suggestedProfile;
    out.push_back({"NicNotDescribed",
                   fmt::format("passthrough NIC {} has no Vnic; apply: {}", nic.mac,
                               domain::toYamlLine({o.migration->metadata.ns, source.domain.name,
                                                   nic.mac, profile}))});
  }
}

// Objects of one commit come in any order: a profile that is not there yet is waited for.
void checkProfiles(const Observation& o, Violations& out) {
  for (const Nic& nic : o.nics) {
    if (!nic.vnic) continue;
    if (!nic.profile) {
      out.push_back({"ProfileNotFound",
                     fmt::format("Vnic {} names the VnicProfile {}, which does not exist",
                                 nic.vnic->metadata.name, nic.vnic->spec.profile),
                     true});
    } else if (!nic.profile->spec.passthrough) {
      out.push_back({"ProfileNotPassthrough",
                     fmt::format("NIC {} has a VF, but VnicProfile {} is not passthrough", nic.mac,
                                 nic.profile->metadata.name)});
    } else if (!nic.profile->spec.failover.empty() && !nic.failover) {
      out.push_back(
          {"FailoverNotFound",
           fmt::format("VnicProfile {} names the failover profile {}, which does not exist",
                       nic.profile->metadata.name, nic.profile->spec.failover),
           true});
    }
  }
}

void checkMigratable(const Observation& o, Violations& out) {
  std::string offenders;
  for (const Nic& nic : o.nics) {
    if (!nic.profile || nic.profile->spec.migratable) continue;
    offenders += fmt::format("{}{} (VnicProfile {})", offenders.empty() ? "" : ", ", nic.mac,
                             nic.profile->metadata.name);
  }
  if (offenders.empty()) return;
  out.push_back({"NicNotMigratable", fmt::format("NICs that may not move: {}", offenders)});
}

void checkOutage(const Observation& o, VmVerdict& verdict) {
  const std::string macs =
      macsOf(o, [](const Nic& nic) { return nic.device.standbyAlias.empty(); });
  if (macs.empty()) return;
  if (o.migration->spec.policy.networkOutage == "Forbid") {
    verdict.violations.push_back(
        {"NetworkOutage",
         fmt::format("{} has no failover and would lose its network; give it a failover "
                     "profile or set spec.policy.networkOutage to Allow",
                     macs)});
  } else {
    verdict.warnings.push_back(
        {"NetworkOutage", fmt::format("{} has no failover: it has no network while the VM moves, "
                                      "unless the guest bonds it with another NIC",
                                      macs)});
  }
}

// A standby without link carries nothing while the VF is away.
void checkStandbyLinks(const Observation& o, const Sighting& source, VmVerdict& verdict) {
  for (const Nic& nic : o.nics) {
    const auto& nics = source.description.virtualNics;
    const auto standby = std::find_if(nics.begin(), nics.end(), [&](const auto& other) {
      return !nic.device.standbyAlias.empty() && other.alias == nic.device.standbyAlias;
    });
    if (standby == nics.end() || !standby->linkDown) continue;
    const std::string message = fmt::format(
        "the standby of NIC {0} has its link down, so the guest has no network while the VM moves; "
        "virsh domif-setlink {1} TARGET up (virsh domiflist {1} shows the TARGET)",
        nic.mac, source.domain.name);
    if (o.migration->spec.policy.networkOutage == "Forbid") {
      verdict.violations.push_back({"StandbyLinkDown", message, true});
    } else {
      verdict.warnings.push_back({"StandbyLinkDown", message});
    }
  }
}

// A VF and its standby are one NIC to the guest: what passes on one must pass on the other.
void checkPairs(const Observation& o, std::vector<Warning>& out) {
  for (const Nic& nic : o.nics) {
    if (!nic.profile || !nic.failover) continue;
    const auto compare = [&](const auto& vf, const auto& standby, const char* reason,
                             const char* field, const char* consequence) {
      if (vf == standby) return;
      out.push_back({reason, fmt::format("NIC {}: VnicProfile {} and its failover {} differ in "
                                         "spec.{}; {}",
                                         nic.mac, nic.profile->metadata.name,
                                         nic.failover->metadata.name, field, consequence)});
    };
    const auto &vf = nic.profile->spec, &standby = nic.failover->spec;
    compare(vf.vlan, standby.vlan, "VlanDiffers", "vlan",
            "while the VM moves its frames go another way");
    compare(vf.mtu, standby.mtu, "MtuDiffers", "mtu",
            "a guest does not take a VF that cannot have the standby's MTU");
  }
}

// Guests without failover bond a VF with a virtio NIC, which then has the VF's MAC address.
void checkBondFilters(const Observation& o, const Sighting& source, std::vector<Warning>& out) {
  for (const Nic& nic : o.nics) {
    if (!nic.profile || !nic.device.standbyAlias.empty()) continue;
    for (const domain::VirtualNic& other : source.description.virtualNics) {
      if (other.filter.empty() || other.network != nic.profile->spec.network) continue;
      out.push_back(
          {"FilterStopsBond",
           fmt::format("virtio NIC {} has the filter {}: should the guest bond it with VF "
                       "NIC {}, it may not send with that NIC's MAC; give it no filter",
                       other.mac, other.filter, nic.mac)});
    }
  }
}

void checkTargetName(const Observation& o, Violations& out) {
  const std::string& wanted = o.migration->spec.targetHostName;
  if (wanted.empty()) return;
  for (const Candidate& c : o.candidates) {
    if (c.name() == wanted) return;
  }
  out.push_back(
      {"TargetNotFound", fmt::format("spec.targetHostName: there is no VmHost {}", wanted)});
}

void checkCaps(const Observation& o, const Sighting& source, Violations& out) {
  if (o.activeMigrations >= o.maxParallelMigrations) {
    out.push_back({kTooManyMigrations,
                   fmt::format("{} migrations run, which is the limit", o.activeMigrations), true});
  }
  for (const Candidate& c : o.candidates) {
    const int limit = c.host->spec.limits.outboundMigrations;
    if (c.name() == source.host && c.outbound >= limit) {
      out.push_back(
          {"OutboundLimit",
           fmt::format("{} migrations leave {}, its limit is {}", c.outbound, source.host, limit),
           true});
    }
  }
}

}  // namespace

VmVerdict checkVm(const Observation& o, const Sighting& source) {
  VmVerdict verdict;
  Violations& out = verdict.violations;
  checkState(source, out);
  checkMachine(o, source, out);
  checkHotplug(o, source, out);
  checkNumber(o, out);
  checkBlockers(source, out);
  checkDescribed(o, source, out);
  checkProfiles(o, out);
  checkMigratable(o, out);
  checkOutage(o, verdict);
  checkStandbyLinks(o, source, verdict);
  checkPairs(o, verdict.warnings);
  checkBondFilters(o, source, verdict.warnings);
  checkTargetName(o, out);
  checkCaps(o, source, out);
  checkVmAnswers(o, verdict);
  return verdict;
}

}  // namespace vnic::reconcile::vm_migration
