// SPDX-License-Identifier: Apache-2.0
#include "domain/vf_inventory.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace vnic::domain {
namespace {

bool namesVf(const std::optional<DomainDescription>& definition, const PciAddress& vf) {
  return definition && std::any_of(definition->hostdevs.begin(), definition->hostdevs.end(),
                                   [&](const HostdevNic& device) { return device.source == vf; });
}

std::string describe(const api::VfReservation& reservation) {
  const auto& spec = reservation.spec;
  std::string text = fmt::format("vnic {} ({}", spec.holder.key().str(), spec.purpose);
  if (spec.migration) text += fmt::format(", migration {}", spec.migration->key().str());
  return text + ")";
}

// Why nobody may get this VF, apart from somebody having it. "" = nothing.
std::string findObstacle(const PfEntry& pf, const hypervisor::VirtualFunction& vf,
                         const std::optional<api::AgentFacts>& agent,
                         const std::vector<ParsedDomain>& domains) {
  if (pf.networks.empty()) return "its PF is not in spec.physicalFunctions";
  if (vf.iommuGroup < 0) return "it has no IOMMU group";
  if (vf.iommuGroupSize != 1) {
    return fmt::format("it shares IOMMU group {} with other devices", vf.iommuGroup);
  }
  if (!vf.netdev.empty() && vf.netdevUp) {
    return fmt::format("the host uses it: the link of {} is up", vf.netdev);
  }
  if (agent) {
    for (const api::HostVirtualFunction& used : agent->hostVirtualFunctions) {
      if (used.address == vf.address.str()) return "the host uses it: " + used.reason;
    }
  }
  for (const ParsedDomain& domain : domains) {
    if (!domain.unreadable.empty()) {
      return fmt::format("the definition of vm {} cannot be read, it may use it",
                         domain.summary.name);
    }
  }
  return {};
}

VfEntry classify(const PfEntry& pf, const hypervisor::VirtualFunction& vf,
                 const std::optional<api::AgentFacts>& agent,
                 const std::vector<ParsedDomain>& domains, const ReservationPtr& reservation) {
  VfEntry entry;
  entry.address = vf.address;
  entry.obstacle = findObstacle(pf, vf, agent, domains);
  std::string runningName;
  std::string definedName;
  for (const ParsedDomain& domain : domains) {
    if (namesVf(domain.live, vf.address)) {
      entry.liveUser = domain.summary.uuid;
      runningName = domain.summary.name;
    }
    if (namesVf(domain.persistent, vf.address)) {
      entry.persistentUsers.push_back(domain.summary.uuid);
      if (definedName.empty()) definedName = domain.summary.name;
    }
  }
  entry.reservation = reservation;

  if (!entry.liveUser.empty()) {
    entry.state = VfState::InUse;
    entry.holder =
        reservation ? "vnic " + reservation->spec.holder.key().str() : "vm " + runningName;
  } else if (reservation) {
    entry.state = VfState::Reserved;
    entry.holder = describe(*reservation);
  } else if (!entry.persistentUsers.empty()) {
    entry.state = VfState::InUse;
    entry.holder = fmt::format("vm {} (by its definition)", definedName);
  } else if (!entry.obstacle.empty()) {
    entry.holder = entry.obstacle;
  } else {
    entry.state = VfState::Free;
  }
  return entry;
}

void count(VfState state, api::VirtualFunctionTotals& totals) {
  ++totals.total;
  switch (state) {
    case VfState::Free:
      ++totals.free;
      break;
    case VfState::Reserved:
      ++totals.reserved;
      break;
    case VfState::InUse:
      ++totals.inUse;
      break;
    case VfState::Unavailable:
      ++totals.unavailable;
      break;
  }
}

bool isDevice(const api::PhysicalFunctionSpec& spec, const hypervisor::PhysicalFunction& pf) {
  if (!pf.netdev.empty() && spec.device == pf.netdev) return true;
  const auto address = PciAddress::parse(spec.device);
  return address && *address == pf.address;
}

}  // namespace

ReservationsByHost groupByHost(const std::vector<ReservationPtr>& reservations) {
  ReservationsByHost grouped;
  for (const ReservationPtr& reservation : reservations) {
    grouped[reservation->spec.hostName].push_back(reservation);
  }
  return grouped;
}

const DomainDescription* ParsedDomain::current() const {
  if (live) return &*live;
  return persistent ? &*persistent : nullptr;
}

std::vector<ParsedDomain> parseDomains(const std::vector<hypervisor::Domain>& domains) {
  std::vector<ParsedDomain> parsed;
  parsed.reserve(domains.size());
  for (const hypervisor::Domain& domain : domains) {
    ParsedDomain& entry = parsed.emplace_back();
    entry.summary = static_cast<const hypervisor::DomainSummary&>(domain);
    const auto read = [&](const std::string& xml, std::optional<DomainDescription>& target) {
      if (xml.empty()) return;
      auto description = parseDomain(xml);
      if (description) {
        target = std::move(*description);
      } else {
        entry.unreadable = description.error().message;
      }
    };
    read(domain.liveXml, entry.live);
    read(domain.persistentXml, entry.persistent);
  }
  return parsed;
}

const char* toString(VfState state) {
  switch (state) {
    case VfState::Free:
      return "Free";
    case VfState::Reserved:
      return "Reserved";
    case VfState::InUse:
      return "InUse";
    case VfState::Unavailable:
      return "Unavailable";
  }
  return "Unavailable";
}

bool VfEntry::availableTo(const std::string& vnicUid, const std::string& vmUuid) const {
  if (!obstacle.empty() || !liveUser.empty()) return false;
  if (reservation &&
      (reservation->spec.holder.uid != vnicUid || reservation->metadata.deleting())) {
    return false;
  }
  return std::all_of(persistentUsers.begin(), persistentUsers.end(),
                     [&](const std::string& user) { return user == vmUuid; });
}

bool PfEntry::carries(std::string_view network) const {
  return std::any_of(networks.begin(), networks.end(), [&](const std::string& candidate) {
    return candidate == "*" || candidate == network;
  });
}

const PfEntry* VfInventory::physicalFunctionOf(const PciAddress& vf) const {
  for (const PfEntry& pf : physicalFunctions) {
    for (const VfEntry& entry : pf.virtualFunctions) {
      if (entry.address == vf) return &pf;
    }
  }
  return nullptr;
}

const VfEntry* VfInventory::find(const PciAddress& address) const {
  for (const PfEntry& pf : physicalFunctions) {
    for (const VfEntry& entry : pf.virtualFunctions) {
      if (entry.address == address) return &entry;
    }
  }
  return nullptr;
}

int VfInventory::freeFor(std::string_view network) const {
  int free = 0;
  for (const PfEntry& pf : physicalFunctions) {
    if (!pf.carries(network)) continue;
    for (const VfEntry& vf : pf.virtualFunctions) free += vf.state == VfState::Free ? 1 : 0;
  }
  return free;
}

std::vector<std::string> networksOf(const api::VmHostSpec& spec,
                                    const hypervisor::PhysicalFunction& pf) {
  for (const api::PhysicalFunctionSpec& candidate : spec.physicalFunctions) {
    if (isDevice(candidate, pf)) return candidate.networks;
  }
  return {};
}

VfInventory buildInventory(const api::VmHost& host, const hypervisor::HostSnapshot& snapshot,
                           const std::vector<ParsedDomain>& domains,
                           const std::vector<ReservationPtr>& reservations) {
  std::map<std::string, ReservationPtr> unplaced;  // by address
  for (const ReservationPtr& reservation : reservations) {
    if (reservation->spec.hostName == host.metadata.name)
      unplaced[reservation->spec.address] = reservation;
  }
  VfInventory inventory;
  for (const hypervisor::PhysicalFunction& pf : snapshot.physicalFunctions) {
    PfEntry& entry = inventory.physicalFunctions.emplace_back();
    entry.device = pf.netdev.empty() ? pf.address.str() : pf.netdev;
    entry.address = pf.address;
    entry.linkUp = pf.linkUp;
    entry.networks = networksOf(host.spec, pf);
    for (const hypervisor::VirtualFunction& vf : pf.virtualFunctions) {
      const auto node = unplaced.extract(vf.address.str());
      entry.virtualFunctions.push_back(
          classify(entry, vf, host.status.agent, domains, node.empty() ? nullptr : node.mapped()));
      if (!entry.networks.empty()) count(entry.virtualFunctions.back().state, inventory.totals);
    }
    std::sort(entry.virtualFunctions.begin(), entry.virtualFunctions.end(),
              [](const VfEntry& a, const VfEntry& b) { return a.address < b.address; });
  }
  std::sort(inventory.physicalFunctions.begin(), inventory.physicalFunctions.end(),
            [](const PfEntry& a, const PfEntry& b) { return a.address < b.address; });
  for (const api::PhysicalFunctionSpec& candidate : host.spec.physicalFunctions) {
    const auto& pfs = snapshot.physicalFunctions;
    if (std::none_of(pfs.begin(), pfs.end(),
                     [&](const auto& pf) { return isDevice(candidate, pf); })) {
      inventory.missingDevices.push_back(candidate.device);
    }
  }
  for (const auto& [address, reservation] : unplaced) {
    inventory.lostReservations.push_back(reservation->metadata.name);
  }
  return inventory;
}

std::vector<api::PhysicalFunctionStatus> toStatus(const VfInventory& inventory) {
  std::vector<api::PhysicalFunctionStatus> status;
  for (const PfEntry& pf : inventory.physicalFunctions) {
    if (pf.networks.empty()) continue;
    auto& entry = status.emplace_back();
    entry.device = pf.device;
    entry.address = pf.address.str();
    entry.linkUp = pf.linkUp;
    entry.networks = pf.networks;
    for (const VfEntry& vf : pf.virtualFunctions) {
      entry.virtualFunctions.push_back({vf.address.str(), toString(vf.state), vf.holder});
    }
  }
  return status;
}

}  // namespace vnic::domain
