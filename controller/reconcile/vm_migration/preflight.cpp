// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vm_migration/preflight.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <tuple>

#include "domain/matching.h"

namespace vnic::reconcile::vm_migration {
namespace {

using Violations = std::vector<Violation>;

// First versions whose virtio failover works from end to end (what oVirt required as well).
constexpr hypervisor::Version kMinLibvirt{7, 0, 0};
constexpr hypervisor::Version kMinQemu{5, 2, 0};
constexpr std::size_t kMaxNics = 32;  // as the CRD bounds status.nics

template <class Predicate>
std::string macsOf(const Observation& o, Predicate predicate) {
  std::string macs;
  for (const Nic& nic : o.nics) {
    if (predicate(nic)) macs += (macs.empty() ? "" : ", ") + nic.mac;
  }
  return macs;
}

// --- Against moving this VM at all ---

void checkState(const Sighting& source, Violations& out) {
  if (source.domain.state == hypervisor::DomainState::Running) return;
  out.push_back({"VmNotRunning",
                 fmt::format("{} is not running on {} but paused; resume it first",
                             source.domain.name, source.host)});
}

void checkMachine(const Observation& o, const Sighting& source, Violations& out) {
  if (o.nics.empty() || source.description.isQ35()) return;
  out.push_back({"MachineNotQ35",
                 fmt::format("machine type {} cannot take a VF out and in again; use q35",
                             source.description.machine)});
}

void checkHotplug(const Observation& o, Violations& out) {
  const std::string macs = macsOf(o, [](const Nic& nic) {
    const auto address = PciAddress::parse(nic.device.guestAddress);
    return address && address->bus == 0;
  });
  if (macs.empty()) return;
  out.push_back({"NotHotpluggable",
                 fmt::format("{} sits on the guest's root bus, which cannot hot-plug; "
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
         fmt::format("passthrough NIC {0} has no Vnic; apply: {{apiVersion: vnic.dev/v1alpha1, "
                     "kind: Vnic, metadata: {{namespace: {1}, name: {2}-{3}}}, spec: {{vmName: {2}, "
                     "profile: {{name: PROFILE}}, macAddress: \"{0}\"}}}}",
                     nic.mac, o.migration->metadata.ns, source.domain.name,
                     nic.mac.size() >= 8 ? nic.mac.substr(9, 2) + nic.mac.substr(12, 2) +
                                               nic.mac.substr(15, 2)
                                         : nic.mac)});
  }
}

void checkProfiles(const Observation& o, Violations& out) {
  for (const Nic& nic : o.nics) {
    if (!nic.vnic) continue;
    if (!nic.profile) {
      out.push_back({"ProfileMissing",
                     fmt::format("Vnic {} names the VnicProfile {}, which does not exist",
                                 nic.vnic->metadata.name, nic.vnic->spec.profile)});
    } else if (!nic.profile->spec.passthrough) {
      out.push_back({"ProfileNotPassthrough",
                     fmt::format("NIC {} has a VF, but VnicProfile {} is not passthrough", nic.mac,
                                 nic.profile->metadata.name)});
    } else if (!nic.profile->spec.failover.empty() && !nic.failover) {
      out.push_back({"FailoverMissing",
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
  out.push_back({"TargetNotFound",
                 fmt::format("spec.targetHostName: there is no VmHost {}", wanted)});
}

void checkCaps(const Observation& o, const Sighting& source, Violations& out) {
  if (o.activeMigrations >= o.maxParallelMigrations) {
    out.push_back({"TooManyMigrations",
                   fmt::format("{} migrations run, which is the limit", o.activeMigrations), true});
  }
  for (const Candidate& c : o.candidates) {
    const int limit = c.host->spec.limits.outboundMigrations;
    if (c.name() == source.host && c.outbound >= limit) {
      out.push_back({"OutboundLimit",
                     fmt::format("{} migrations leave {}, its limit is {}", c.outbound, source.host,
                                 limit),
                     true});
    }
  }
}

// --- Against a host ---

void checkAvailability(const Candidate& c, Violations& out) {
  if (c.host->spec.availability == "Enabled") return;
  out.push_back({"NotEnabled", fmt::format("availability is {}", c.host->spec.availability)});
}

void checkVersions(const Observation& o, const Candidate& c, Violations& out) {
  if (c.snapshot.libvirt < kMinLibvirt) {
    out.push_back({"VersionTooOld", fmt::format("libvirt {} is older than {}",
                                                c.snapshot.libvirt.str(), kMinLibvirt.str())});
  }
  const bool failover = std::any_of(o.nics.begin(), o.nics.end(), [](const Nic& nic) {
    return !nic.device.standbyAlias.empty();
  });
  if (failover && c.snapshot.qemu < kMinQemu) {
    out.push_back({"VersionTooOld", fmt::format("QEMU {} is older than {}, which failover needs",
                                                c.snapshot.qemu.str(), kMinQemu.str())});
  }
}

// Every virtio NIC on a libvirt network needs that network on the target; the standby is one of them.
void checkNetworks(const Sighting& source, const Candidate& c, Violations& out) {
  for (const domain::VirtualNic& nic : source.description.virtualNics) {
    if (nic.network.empty()) continue;
    const auto found = std::find_if(c.snapshot.networks.begin(), c.snapshot.networks.end(),
                                    [&](const auto& n) { return n.name == nic.network; });
    const char* what = nic.standby ? "standby network" : "network";
    if (found == c.snapshot.networks.end()) {
      out.push_back({"NetworkMissing", fmt::format("libvirt has no {} {}; define and start it", what,
                                                   nic.network)});
    } else if (!found->active) {
      out.push_back({"NetworkInactive", fmt::format("{} {} is not active; virsh net-start {}", what,
                                                    nic.network, nic.network)});
    }
  }
}

void checkName(const Sighting& source, const Candidate& c, Violations& out) {
  for (const auto& other : c.snapshot.domains) {
    const bool active = other.state == hypervisor::DomainState::Running ||
                        other.state == hypervisor::DomainState::Paused;
    // A shut-off definition of the same VM is a leftover of an earlier stay; libvirt replaces it.
    if (other.uuid == source.domain.uuid ? active : other.name == source.domain.name) {
      out.push_back({"DomainExists",
                     fmt::format("there is a domain {} ({}) already", other.name, other.uuid)});
    }
  }
}

void checkInbound(const Candidate& c, Violations& out) {
  const int limit = c.host->spec.limits.inboundMigrations;
  if (c.inbound < limit) return;
  out.push_back({"InboundLimit",
                 fmt::format("{} migrations come in, the limit is {}", c.inbound, limit), true});
}

void checkVfs(const Observation& o, HostVerdict& verdict) {
  std::vector<std::string> networks;
  for (const Nic& nic : o.nics) {
    if (!nic.profile) return;  // told already, and nothing can be matched
    networks.push_back(nic.profile->spec.network);
  }
  const auto found = domain::matchVfs(networks, domain::freeSupply(verdict.candidate->inventory));
  std::string without;
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (found[i]) {
      verdict.vfs.push_back(*found[i]);
    } else {
      without += fmt::format("{}{} (network {})", without.empty() ? "" : ", ", o.nics[i].mac,
                             networks[i]);
    }
  }
  if (without.empty()) return;
  verdict.violations.push_back({"NoFreeVf", fmt::format("no free VF for {}", without)});
}

HostVerdict judge(const Observation& o, const Sighting& source, const Candidate& c) {
  HostVerdict verdict;
  verdict.candidate = &c;
  if (!c.reachable) {
    verdict.violations.push_back({"HostUnknown", "no answer: " + c.error, true});
    return verdict;
  }
  checkAvailability(c, verdict.violations);
  checkVersions(o, c, verdict.violations);
  checkNetworks(source, c, verdict.violations);
  checkName(source, c, verdict.violations);
  checkInbound(c, verdict.violations);
  checkVfs(o, verdict);
  return verdict;
}

// Most free VFs first, then the least busy, then by name so that the choice is the same each time.
const Candidate* choose(const std::vector<HostVerdict>& verdicts) {
  const Candidate* best = nullptr;
  const auto rank = [](const Candidate& c) {
    return std::make_tuple(-c.inventory.totals.free, c.inbound, c.name());
  };
  for (const HostVerdict& v : verdicts) {
    if (!v.violations.empty()) continue;
    if (best == nullptr || rank(*v.candidate) < rank(*best)) best = v.candidate;
  }
  return best;
}

std::string text(const Violation& v) { return v.reason + ": " + v.message; }

}  // namespace

PreflightResult preflight(const Observation& o, const Sighting& source) {
  PreflightResult result;
  checkState(source, result.vm);
  checkMachine(o, source, result.vm);
  checkHotplug(o, result.vm);
  checkNumber(o, result.vm);
  checkBlockers(source, result.vm);
  checkDescribed(o, source, result.vm);
  checkProfiles(o, result.vm);
  checkMigratable(o, result.vm);
  checkOutage(o, result.vm);
  checkTargetName(o, result.vm);
  checkCaps(o, source, result.vm);
  const std::string& wanted = o.migration->spec.targetHostName;
  for (const Candidate& c : o.candidates) {
    if (c.name() == source.host || (!wanted.empty() && c.name() != wanted)) continue;
    result.hosts.push_back(judge(o, source, c));
  }
  result.chosen = choose(result.hosts);
  return result;
}

bool PreflightResult::refused() const {
  const auto forGood = [](const Violation& v) { return !v.passing; };
  if (std::any_of(vm.begin(), vm.end(), forGood)) return true;
  if (chosen != nullptr) return false;
  return std::all_of(hosts.begin(), hosts.end(), [&](const HostVerdict& h) {
    return std::any_of(h.violations.begin(), h.violations.end(), forGood);
  });
}

api::PreflightReport PreflightResult::report() const {
  api::PreflightReport out;
  for (const Violation& v : vm) out.reasons.push_back(text(v));
  for (const HostVerdict& h : hosts) {
    api::HostPreflight host{h.candidate->name(), h.violations.empty(), {}};
    for (const Violation& v : h.violations) host.reasons.push_back(text(v));
    out.hosts.push_back(std::move(host));
  }
  return out;
}

std::string PreflightResult::summary() const {
  std::vector<std::string> parts;
  for (const Violation& v : vm) parts.push_back(text(v));
  for (const HostVerdict& h : hosts) {
    for (const Violation& v : h.violations) {
      parts.push_back(fmt::format("{}: {}", h.candidate->name(), text(v)));
    }
  }
  if (parts.empty() && hosts.empty()) return "NoCandidate: there is no other VmHost";
  return fmt::format("{}", fmt::join(parts, "; "));
}

std::string PreflightResult::firstReason() const {
  if (!vm.empty()) return vm.front().reason;
  for (const HostVerdict& h : hosts) {
    if (!h.violations.empty()) return h.violations.front().reason;
  }
  return "NoCandidate";
}

}  // namespace vnic::reconcile::vm_migration
