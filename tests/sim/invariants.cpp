// SPDX-License-Identifier: Apache-2.0
// What must hold at every moment, and what must hold in the end.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "api/names.h"
#include "domain/domain_xml.h"
#include "reconcile/take_vm.h"
#include "runtime/lease.h"
#include "sim/world.h"

namespace vnic::sim {
namespace {

using namespace std::chrono_literals;
using hypervisor::DomainState;

// libvirt itself can end with two copies (target daemon stopped around the switch-over). The
// operator has to end that, within this time after it can.
constexpr Duration kEndsSecondCopyWithin = 60s;

bool begins(const std::string& text, const char* with) {
  return text.rfind(with, 0) == 0;
}

}  // namespace

// Just before an operator changes something on a host.
void World::checkBefore(const OperatorProcess& process, const std::string& host,
                        const std::string& uuid, const std::string& what) {
  const VmInfo* info = ours(uuid);
  if (!info) return breaks("touches a VM that is not ours: " + what);
  if (twoOperators) return;  // one that is late has nobody's leave any more
  const auto lease = server.find<runtime::Lease>({kOperatorNamespace, reconcile::claimName(uuid)});
  if (!lease) return breaks(fmt::format("operator {} {} without a claim", process.number(), what));
  bool allowed = false;
  for (const auto& m : server.all<api::VmMigration>()) {
    allowed |= m.metadata.uid == lease->spec.holder && m.spec.vmName == info->name;
  }
  for (const auto& v : server.all<api::Vnic>()) {
    allowed |= v.metadata.uid == lease->spec.holder && v.spec.vmName == info->name;
  }
  if (!allowed) breaks(fmt::format("{} under a claim of {}", what, lease->spec.holder));
  if (!begins(what, "detach ")) return;
  // The complete plan is written before the device is touched.
  for (const NicInfo& nic : info->nics) {
    if (what.find(nic.mac) == what.npos) continue;
    const std::string vf =
        liveVf(host, info->name, static_cast<std::size_t>(&nic - &info->nics[0]));
    if (vf.empty()) continue;
    const auto r = server.find<api::VfReservation>({"", api::VfReservation::nameFor(host, vf)});
    if (!r || r->spec.device.macAddress != nic.mac || r->spec.device.alias.empty()) {
      breaks(fmt::format("{}, but no reservation keeps its plan", what));
    }
  }
}

void World::checkNow() {
  if (!violation.empty()) return;
  checkRunningTwice();
  if (fleet.hosts.changes() == checkedChanges_) return;
  checkedChanges_ = fleet.hosts.changes();
  checkVfs();
}

void World::checkRunningTwice() {
  for (const VmInfo& info : vms) {
    const auto copies = fleet.hosts.everywhere(info.uuid);
    std::vector<std::string> where;
    bool canBeEnded = false;
    for (const auto& [host, domain] : copies) {
      if (domain.state == DomainState::Running) where.push_back(host);
    }
    const std::size_t before = ran_[info.uuid];
    ran_[info.uuid] = where.size();
    if (!lastEffect.empty() && lastEffect.find(" " + info.name) != lastEffect.npos) {
      if (begins(lastEffect, "resume ") && where.size() > 1) {
        return breaks(fmt::format("{} makes it run on {}", lastEffect, fmt::join(where, "+")));
      }
      if (begins(lastEffect, "destroy ") && where.empty() && before > 0) {
        return breaks(lastEffect + " ends the last copy");
      }
    }
    if (where.size() < 2) {
      twiceSince_.erase(info.uuid);
      continue;
    }
    canBeEnded = std::none_of(where.begin(), where.end(),
                              [&](const std::string& host) {
                                return fleet.hosts.hung(host) || fleet.hosts.away(host);
                              }) &&
                 !operators.empty();
    if (!canBeEnded) {
      twiceSince_.erase(info.uuid);
      continue;
    }
    const auto [since, isNew] = twiceSince_.try_emplace(info.uuid, clock.now());
    if (!isNew && clock.now() - since->second > kEndsSecondCopyWithin) {
      return breaks(fmt::format("{} goes on running on {}", info.name, fmt::join(where, "+")));
    }
  }
  lastEffect.clear();
}

// A VF is in one live domain at most, and nobody's VF is in one of ours by another Vnic's name.
void World::checkVfs() {
  std::map<std::string, std::string> users;
  for (const auto& [host, domain] : fleet.hosts.allDomains()) {
    if (domain.liveXml.empty()) continue;
    const auto description = domain::parseDomain(domain.liveXml);
    if (!description)
      return breaks("a definition that cannot be read: " + description.error().message);
    std::map<std::string, int> macs;
    for (const auto& nic : description->hostdevs) {
      const auto [other, isNew] = users.emplace(host + " " + nic.source.str(), domain.name);
      if (!isNew) {
        return breaks(fmt::format("VF {} of {} is in {} and {}", nic.source.str(), host,
                                  other->second, domain.name));
      }
      if (++macs[nic.mac] > 1) {
        return breaks(fmt::format("{} on {} has two VFs with MAC {}", domain.name, host, nic.mac));
      }
    }
  }
}

std::string World::nicUnsettled(const VmInfo& info, const NicInfo& nic, const std::string& host,
                                std::vector<std::string>& expected) {
  const auto vnic = server.find<api::Vnic>({kNamespace, nic.vnic});
  if (!vnic) return {};  // somebody deleted it: the NIC is nobody's
  const std::string name = nic.vnic + " of " + info.name;
  const hypervisor::Domain domain = [&] {
    for (const auto& [where, d] : fleet.hosts.everywhere(info.uuid)) {
      if (where == host) return d;
    }
    return hypervisor::Domain{};
  }();
  const auto live = domain::parseDomain(domain.liveXml);
  if (!live) return name + ": unreadable";
  const domain::HostdevNic* found = nullptr;
  for (const auto& candidate : live->hostdevs) {
    if (candidate.mac == nic.mac) found = &candidate;
  }
  if (vnic->spec.desiredState == "Detached") {
    return found ? name + " is still attached" : std::string();
  }
  if (!found) return name + " has no VF";
  const bool samePlace = !takenOut.contains(nic.vnic);
  if (samePlace && (!found->guestAddress || found->guestAddress->str() != nic.guestAddress)) {
    return name + " is at another place in the guest";
  }
  if (domain.persistent) {
    const std::string defined =
        definedVf(host, info.name, static_cast<std::size_t>(&nic - &info.nics[0]));
    if (defined != found->source.str()) {
      return fmt::format("{}: the definition names VF {}, the guest has {}", name, defined,
                         found->source.str());
    }
  }
  const std::string reservation = api::VfReservation::nameFor(host, found->source.str());
  expected.push_back(reservation);
  const auto r = server.find<api::VfReservation>({"", reservation});
  if (!r) return name + " has no reservation";
  if (r->spec.holder.uid != vnic->metadata.uid) return reservation + " has another holder";
  if (r->spec.purpose != api::purpose::kInUse || r->spec.migration) {
    return fmt::format("{} is {}", reservation, r->spec.purpose);
  }
  if (vnic->status.vf != found->source.str() || vnic->status.host != host ||
      !isTrue(vnic->status.conditions, api::condition::kAttached) ||
      !isTrue(vnic->status.conditions, api::condition::kReady)) {
    return name + " does not say that it is attached";
  }
  return {};
}

std::string World::vmUnsettled(const VmInfo& info) {
  for (const auto& [host, domain] : fleet.hosts.everywhere(info.uuid)) {
    if (info.autostart && domain.state == DomainState::Running && !domain.autostart) {
      return info.name + " lost its autostart";
    }
  }
  return {};
}

std::string World::migrationsUnsettled() {
  for (const auto& m : server.all<api::VmMigration>()) {
    const std::string name = "migration " + m.metadata.name;
    const std::string& phase = m.status.phase;
    const bool end = phase == "Succeeded" || phase == "Failed" || phase == "Cancelled";
    if (!end) return fmt::format("{} is {} ({})", name, phase, reason(m.metadata.name));
    if (!m.finished()) return name + " lacks the annotation";
    if (!m.metadata.finalizers.empty()) return name + " keeps its finalizer";
    if (m.metadata.deleting()) return name + " is not gone";
    const bool good = phase == "Succeeded";
    if (isTrue(m.status.conditions, api::condition::kSucceeded) != good ||
        isTrue(m.status.conditions, api::condition::kReady) != good ||
        isTrue(m.status.conditions, api::condition::kStalled) == good ||
        isTrue(m.status.conditions, api::condition::kReconciling)) {
      return name + "'s conditions do not fit its phase";
    }
  }
  return {};
}

std::string World::unsettled() {
  if (operators.empty()) return "no operator";
  if (agenda.next()) return "something is still going to happen";
  if (std::string why = migrationsUnsettled(); !why.empty()) return why;
  std::vector<std::string> expected;
  for (const VmInfo& info : vms) {
    const std::string where = whereRuns(info.name);
    if (where.empty()) return info.name + " runs nowhere";
    if (where.find('+') != where.npos) return info.name + " runs on " + where;
    if (std::string why = vmUnsettled(info); !why.empty()) return why;
    for (const NicInfo& nic : info.nics) {
      if (std::string why = nicUnsettled(info, nic, where, expected); !why.empty()) return why;
    }
  }
  for (const auto& r : server.all<api::VfReservation>()) {
    if (std::find(expected.begin(), expected.end(), r.metadata.name) == expected.end()) {
      return fmt::format("reservation {} ({}) is left", r.metadata.name, r.spec.purpose);
    }
  }
  if (const auto leases = server.all<runtime::Lease>(); !leases.empty()) {
    return "claim " + leases.front().metadata.name + " is left";
  }
  return {};
}

}  // namespace vnic::sim
