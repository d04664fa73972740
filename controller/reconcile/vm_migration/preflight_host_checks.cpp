// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "api/names.h"
#include "domain/matching.h"
#include "reconcile/vm_migration/preflight_checks.h"

namespace vnic::reconcile::vm_migration {
namespace {

using Violations = std::vector<Violation>;

// First versions whose virtio failover works from end to end (what oVirt required as well).
constexpr hypervisor::Version kMinLibvirt{7, 0, 0};
constexpr hypervisor::Version kMinQemu{5, 2, 0};

void checkAvailability(const Candidate& c, Violations& out) {
  if (c.host->spec.availability == "Enabled") return;
  out.push_back({"NotEnabled", fmt::format("availability is {}", c.host->spec.availability)});
}

void checkVersions(const Observation& o, const Candidate& c, Violations& out) {
  if (c.facts->snapshot.libvirt < kMinLibvirt) {
    out.push_back(
        {"VersionTooOld", fmt::format("libvirt {} is older than {}",
                                      c.facts->snapshot.libvirt.str(), kMinLibvirt.str())});
  }
  const bool failover = std::any_of(o.nics.begin(), o.nics.end(), [](const Nic& nic) {
    return !nic.device.standbyAlias.empty();
  });
  if (failover && c.facts->snapshot.qemu < kMinQemu) {
    out.push_back({"VersionTooOld", fmt::format("QEMU {} is older than {}, which failover needs",
                                                c.facts->snapshot.qemu.str(), kMinQemu.str())});
  }
}

// Every virtio NIC on a libvirt network needs that network on the target; the standby is one of
// them.
void checkNetworks(const Sighting& source, const Candidate& c, Violations& out) {
  for (const domain::VirtualNic& nic : source.description.virtualNics) {
    if (nic.network.empty()) continue;
    const auto found =
        std::find_if(c.facts->snapshot.networks.begin(), c.facts->snapshot.networks.end(),
                     [&](const auto& n) { return n.name == nic.network; });
    const char* what = nic.standby ? "standby network" : "network";
    if (found == c.facts->snapshot.networks.end()) {
      out.push_back({"NetworkMissing",
                     fmt::format("libvirt has no {} {}; define and start it", what, nic.network)});
    } else if (!found->active) {
      out.push_back({"NetworkInactive", fmt::format("{} {} is not active; virsh net-start {}", what,
                                                    nic.network, nic.network)});
    }
  }
}

// "" = none that an agent could see: user networking, macvtap, a switch that is not Linux's.
std::string bridgeOn(const Candidate& c, const domain::VirtualNic& nic) {
  if (!nic.virtualPort.empty()) return "";
  if (nic.network.empty()) return nic.bridge;
  for (const auto& network : c.facts->snapshot.networks) {
    if (network.name == nic.network) return network.bridge;
  }
  return "";
}

void checkBridge(const domain::VirtualNic& nic, const std::string& name,
                 const api::AgentFacts& agent, HostVerdict& verdict) {
  const auto bridge = std::find_if(agent.bridges.begin(), agent.bridges.end(),
                                   [&](const auto& known) { return known.name == name; });
  if (bridge == agent.bridges.end()) {
    verdict.violations.push_back(
        {"BridgeMissing",
         fmt::format("NIC {} needs bridge {}, which the host does not have", nic.mac, name)});
    return;
  }
  if (nic.mtu && bridge->mtu < *nic.mtu) {
    verdict.violations.push_back(
        {"MtuTooSmall", fmt::format("bridge {} has MTU {}, NIC {} needs {}", name, bridge->mtu,
                                    nic.mac, *nic.mtu)});
  }
  if (!bridge->linkUp && !bridge->uplink.empty()) {
    verdict.warnings.push_back(
        {"NoCarrier",
         fmt::format("bridge {} of NIC {} has no link to the outside", name, nic.mac)});
  }
}

// libvirt tells nothing of bridges; where a node agent is alive, it does.
void checkBridges(const Sighting& source, const Candidate& c, HostVerdict& verdict) {
  std::set<std::string> unchecked;
  for (const domain::VirtualNic& nic : source.description.virtualNics) {
    const std::string name = bridgeOn(c, nic);
    if (name.empty()) continue;
    if (c.examination->agentAlive) {
      checkBridge(nic, name, *c.host->status.agent, verdict);
    } else {
      unchecked.insert(name);
    }
  }
  if (unchecked.empty()) return;
  verdict.warnings.push_back(
      {"BridgeUnchecked",
       fmt::format("no node agent tells whether {} is there, has a link, and with which MTU",
                   fmt::join(unchecked, ", "))});
}

void checkName(const Sighting& source, const Candidate& c, Violations& out) {
  for (const auto& other : c.facts->snapshot.domains) {
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

template <class Predicate>
bool anyVf(const domain::VfInventory& inventory, Predicate predicate) {
  return std::any_of(
      inventory.physicalFunctions.begin(), inventory.physicalFunctions.end(), [&](const auto& pf) {
        return std::any_of(pf.virtualFunctions.begin(), pf.virtualFunctions.end(), predicate);
      });
}

// A VF that a migration holds, or that is being released, may be free soon.
void checkVfs(const Observation& o, HostVerdict& verdict) {
  std::vector<std::string> networks;
  for (const Nic& nic : o.nics) {
    if (!nic.profile) return;  // told already, and nothing can be matched
    networks.push_back(nic.profile->spec.network);
  }
  const auto found = domain::matchVfs(networks, domain::freeSupply(*verdict.candidate->inventory));
  std::string without;
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (found[i]) {
      verdict.vfs.push_back(*found[i]);
    } else {
      without +=
          fmt::format("{}{} (network {})", without.empty() ? "" : ", ", o.nics[i].mac, networks[i]);
    }
  }
  if (without.empty()) return;
  const bool inMotion = anyVf(*verdict.candidate->inventory, [](const domain::VfEntry& vf) {
    return vf.reservation && vf.reservation->spec.purpose != api::purpose::kInUse;
  });
  verdict.violations.push_back({"NoFreeVf", fmt::format("no free VF for {}", without), inMotion});
}

// A VF needs its PF to be up, and has no network where its PF has none.
void checkLinks(HostVerdict& verdict) {
  std::set<std::string> down;
  for (const PciAddress& vf : verdict.vfs) {
    const domain::PfEntry* pf = verdict.candidate->inventory->physicalFunctionOf(vf);
    if (pf == nullptr || pf->linkUp) continue;
    down.insert(pf->device);
    ++verdict.vfsWithoutLink;
  }
  if (down.empty()) return;
  verdict.warnings.push_back(
      {"PfLinkDown",
       fmt::format("no other VF is free but of {}, which has no link", fmt::join(down, ", "))});
}

}  // namespace

HostVerdict checkHost(const Observation& o, const Sighting& source, const Candidate& c) {
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
  checkLinks(verdict);
  checkHostAnswers(o, verdict);
  if (c.examination) checkBridges(source, c, verdict);
  return verdict;
}

}  // namespace vnic::reconcile::vm_migration
