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

// While the guest has 5 s to let go of a device, QEMU refuses to ask it again.
constexpr Duration kAsksAgainAfter = 5s;

// What one migration asks of the API server, however much goes wrong meanwhile.
constexpr std::uint64_t kMostCalls = 2000;
constexpr std::uint64_t kMostWrites = 1000;

}  // namespace

// Just before an operator changes something on a host.
void World::checkBefore(const OperatorProcess& process, const HostChange& change) {
  const VmInfo* info = ours(change.uuid);
  if (!info) return breaks("touches a VM that is not ours: " + change.text);
  const auto running = fleet.hosts.runsOn(change.uuid);
  const bool here = std::find(running.begin(), running.end(), change.host) != running.end();
  if (change.what == HostChange::What::Resume && !running.empty() && !here) {
    return breaks(change.text + ", but it runs on " + running.front());
  }
  if (change.what == HostChange::What::Destroy && running.size() < 2 && here) {
    return breaks(change.text + ", but nothing else runs");
  }
  if (change.what == HostChange::What::Detach && change.live) checkDetach(process, change);
  if (change.what == HostChange::What::Attach && change.live) {
    std::erase_if(unplugAsked_, [&](const auto& entry) {
      const auto& [number, host, uuid, mac] = entry.first;
      return host == change.host && uuid == change.uuid && mac == change.mac;
    });
  }
  if (twoOperators) return;  // one that is late has nobody's leave any more
  const auto lease =
      server.find<runtime::Lease>({kOperatorNamespace, reconcile::claimName(change.uuid)});
  if (!lease) {
    return breaks(fmt::format("operator {} {} without a claim", process.number(), change.text));
  }
  bool allowed = false;
  for (const auto& m : server.all<api::VmMigration>()) {
    allowed |= m.metadata.uid == lease->spec.holder && m.spec.vmName == info->name;
  }
  for (const auto& v : server.all<api::Vnic>()) {
    allowed |= v.metadata.uid == lease->spec.holder && v.spec.vmName == info->name;
  }
  if (!allowed) breaks(fmt::format("{} under a claim of {}", change.text, lease->spec.holder));
  if (change.what == HostChange::What::Attach && change.live) checkAttach(change);
}

// The complete plan is written before the device is touched.
void World::checkDetach(const OperatorProcess& process, const HostChange& change) {
  const VmInfo& info = *ours(change.uuid);
  for (std::size_t i = 0; i < info.nics.size(); ++i) {
    if (info.nics[i].mac != change.mac) continue;
    const std::string vf = liveVf(change.host, info.name, i);
    if (vf.empty()) continue;
    const auto asked =
        unplugAsked_.try_emplace({process.number(), change.host, change.uuid, change.mac});
    if (!asked.second && clock.now() - asked.first->second <= kAsksAgainAfter) {
      breaks(change.text + ", again too soon");
    }
    asked.first->second = clock.now();
    const auto r =
        server.find<api::VfReservation>({"", api::VfReservation::nameFor(change.host, vf)});
    if (!twoOperators &&
        (!r || r->spec.device.macAddress != change.mac || r->spec.device.alias.empty())) {
      breaks(change.text + ", but no reservation keeps its plan");
    }
  }
}

// A VF is claimed before it is plugged in, and a guest that has its VF gets no other.
void World::checkAttach(const HostChange& change) {
  const VmInfo& info = *ours(change.uuid);
  for (std::size_t i = 0; i < info.nics.size(); ++i) {
    if (info.nics[i].mac != change.mac || change.vf.empty()) continue;
    if (!liveVf(change.host, info.name, i).empty()) breaks(change.text + ", but it has its VF");
    const auto r =
        server.find<api::VfReservation>({"", api::VfReservation::nameFor(change.host, change.vf)});
    if (!r || r->spec.device.macAddress != change.mac) {
      breaks(change.text + ", but the VF is not reserved for it");
    }
  }
}

void World::countCalls(const api::ObjectKey& migration, const ApiCalls& calls) {
  ApiCalls& its = calls_[migration];
  its.all += calls.all;
  its.writes += calls.writes;
  mostCalls.all = std::max(mostCalls.all, its.all);
  mostCalls.writes = std::max(mostCalls.writes, its.writes);
  if (its.all > kMostCalls || its.writes > kMostWrites) {
    breaks(fmt::format("migration {} has asked the API server {} times, {} of them to write",
                       migration.str(), its.all, its.writes));
  }
}

void World::checkNow() {
  if (!violation.empty()) return;
  const bool changed = fleet.hosts.changes() != checkedChanges_;
  checkedChanges_ = fleet.hosts.changes();
  if (changed || !twice_.empty()) checkRunningTwice();
  if (changed) checkVfs();
}

void World::checkRunningTwice() {
  for (const VmInfo& info : vms) {
    const auto where = fleet.hosts.runsOn(info.uuid);
    if (where.size() > 1) {
      twice_.insert(info.uuid);
    } else {
      twice_.erase(info.uuid);
    }
    const bool canBeEnded = where.size() > 1 && !operators.empty() &&
                            std::none_of(where.begin(), where.end(), [&](const auto& host) {
                              return fleet.hosts.hung(host) || fleet.hosts.away(host);
                            });
    if (!canBeEnded) {
      twiceSince_.erase(info.uuid);
      continue;
    }
    const auto [since, isNew] = twiceSince_.try_emplace(info.uuid, clock.now());
    if (!isNew && clock.now() - since->second > kEndsSecondCopyWithin) {
      return breaks(fmt::format("{} goes on running on {}", info.name, fmt::join(where, "+")));
    }
  }
}

// A VF is in one live domain at most, and a MAC on one VF.
void World::checkVfs() {
  std::map<std::string, std::string> users;
  std::map<std::string, std::string> macs;
  for (const auto& [host, domain] : fleet.hosts.allDomains()) {
    if (domain.liveXml.empty()) continue;
    const auto description = domain::parseDomain(domain.liveXml);
    if (!description)
      return breaks("a definition that cannot be read: " + description.error().message);
    for (const auto& nic : description->hostdevs) {
      const auto [other, isNew] = users.emplace(host + " " + nic.source.str(), domain.name);
      if (!isNew) {
        return breaks(fmt::format("VF {} of {} is in {} and {}", nic.source.str(), host,
                                  other->second, domain.name));
      }
      if (const auto [there, first] = macs.emplace(nic.mac, host + " " + nic.source.str());
          !first) {
        return breaks(fmt::format("MAC {} is on VF {} of {} and on {}", nic.mac, nic.source.str(),
                                  host, there->second));
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
