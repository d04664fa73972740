// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

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

void checkHotplug(const Observation& o, Violations& out) {
  const std::string macs = macsOf(o, [](const Nic& nic) {
    const auto address = PciAddress::parse(nic.device.guestAddress);
    return address && address->bus == 0;
  });
  if (macs.empty()) return;
  out.push_back(
      {"NotHotpluggable", fmt::format("{} sits on the guest's root bus, which cannot hot-plug; "
                                      "move it to a pcie-root-port",
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
    out.push_back(
        {"NicNotDescribed",
         fmt::format(
             "passthrough NIC {0} has no Vnic; apply: {{apiVersion: vnic.dev/v1alpha1, "
             "kind: Vnic, metadata: {{namespace: {1}, name: {2}-{3}}}, spec: {{vmName: {2}, "
             "profile: {{name: PROFILE}}, macAddress: \"{0}\"}}}}",
             nic.mac, o.migration->metadata.ns, source.domain.name,
             nic.mac.size() >= 8
                 ? nic.mac.substr(9, 2) + nic.mac.substr(12, 2) + nic.mac.substr(15, 2)
                 : nic.mac)});
  }
}

void checkProfiles(const Observation& o, Violations& out) {
  for (const Nic& nic : o.nics) {
    if (!nic.vnic) continue;
    if (!nic.profile) {
      out.push_back(
          {"ProfileMissing", fmt::format("Vnic {} names the VnicProfile {}, which does not exist",
                                         nic.vnic->metadata.name, nic.vnic->spec.profile)});
    } else if (!nic.profile->spec.passthrough) {
      out.push_back({"ProfileNotPassthrough",
                     fmt::format("NIC {} has a VF, but VnicProfile {} is not passthrough", nic.mac,
                                 nic.profile->metadata.name)});
    } else if (!nic.profile->spec.failover.empty() && !nic.failover) {
      out.push_back(
          {"FailoverMissing",
           fmt::format("VnicProfile {} names the failover profile {}, which does not exist",
                       nic.profile->metadata.name, nic.profile->spec.failover)});
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

void checkOutage(const Observation& o, Violations& out) {
  if (o.migration->spec.policy.networkOutage != "Forbid") return;
  const std::string macs =
      macsOf(o, [](const Nic& nic) { return nic.device.standbyAlias.empty(); });
  if (macs.empty()) return;
  out.push_back({"NetworkOutage",
                 fmt::format("{} has no failover and would lose its network; give it a failover "
                             "profile or set spec.policy.networkOutage to Allow",
                             macs)});
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
    out.push_back({"TooManyMigrations",
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

std::vector<Violation> checkVm(const Observation& o, const Sighting& source) {
  Violations out;
  checkState(source, out);
  checkMachine(o, source, out);
  checkHotplug(o, out);
  checkNumber(o, out);
  checkBlockers(source, out);
  checkDescribed(o, source, out);
  checkProfiles(o, out);
  checkMigratable(o, out);
  checkOutage(o, out);
  checkTargetName(o, out);
  checkCaps(o, source, out);
  return out;
}

}  // namespace vnic::reconcile::vm_migration
