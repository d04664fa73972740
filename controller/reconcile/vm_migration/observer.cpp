// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vm_migration/observer.h"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "api/names.h"
#include "reconcile/described_nic.h"
#include "reconcile/vm_migration/preflight.h"
#include "reconcile/vm_migration/steps.h"
#include "support/time_format.h"

namespace vnic::reconcile::vm_migration {
namespace {

// A person asserts that the host is dead and fenced: what cannot be asked there is not there.
void believeDead(const std::shared_ptr<const api::VmHost>& host, Copy& copy) {
  if (copy.unknown() && host && host->spec.availability == "OutOfService") {
    copy.answer = Copy::Answer::Absent;
  }
}

bool isActive(const hypervisor::DomainSummary& domain) {
  return domain.state == hypervisor::DomainState::Running ||
         domain.state == hypervisor::DomainState::Paused;
}

bool isWaiting(const api::VmMigration& m) {
  return !m.finished() && m.spec.mode != "DryRun" && m.status.targetHost.empty();
}

bool waitsAsBefore(const Observation& o) {
  if (o.activeMigrations < o.maxParallelMigrations || o.migration->spec.cancel ||
      o.migration->metadata.deleting()) {
    return false;
  }
  const auto* ready = api::findCondition(o.migration->status.conditions, api::condition::kReady);
  return ready != nullptr && ready->reason == kTooManyMigrations;
}

auto queueRank(const api::VmMigration& m) {
  return std::make_tuple(-m.spec.priority, m.metadata.creationTimestamp, m.metadata.key());
}

using ReservationPtr = std::shared_ptr<const api::VfReservation>;

// What this migration claims for the NIC, and what its Vnic holds by itself, on one host, in the
// order of their names. What is being released is no claim any more.
std::vector<ReservationPtr> reservationsFor(const std::vector<ReservationPtr>& all,
                                            const std::string& host, const Nic& nic,
                                            const api::VmMigration& migration,
                                            const char* movingPurpose) {
  std::vector<ReservationPtr> moving;
  std::vector<ReservationPtr> held;
  for (const auto& r : all) {
    if (r->spec.hostName != host) continue;
    if (r->spec.purpose == movingPurpose && r->spec.device.macAddress == nic.mac &&
        r->spec.migration && r->spec.migration->uid == migration.metadata.uid) {
      moving.push_back(r);
    } else if (nic.vnic && r->spec.holder.uid == nic.vnic->metadata.uid &&
               r->spec.purpose == api::purpose::kInUse) {
      held.push_back(r);
    }
  }
  const auto byName = [](const auto& a, const auto& b) {
    return a->metadata.name < b->metadata.name;
  };
  std::sort(moving.begin(), moving.end(), byName);
  std::sort(held.begin(), held.end(), byName);
  moving.insert(moving.end(), held.begin(), held.end());
  return moving;
}

// The one whose VF the guest has; else one that was not refused. The others of this migration go to
// `others`.
ReservationPtr choose(std::vector<ReservationPtr> candidates,
                      const std::optional<PciAddress>& inGuest, const api::VmMigration& migration,
                      Nic& nic) {
  if (candidates.empty()) return nullptr;
  const auto rank = [&](const ReservationPtr& r) {
    if (inGuest && r->spec.address == inGuest->str()) return 0;
    return nic.memory.refusedVfs.contains(r->metadata.name) ? 2 : 1;
  };
  const auto best =
      std::min_element(candidates.begin(), candidates.end(),
                       [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
  for (const auto& r : candidates) {
    if (r != *best && r->spec.migration && r->spec.migration->uid == migration.metadata.uid) {
      nic.others.push_back(r);
    }
  }
  return *best;
}

}  // namespace

Observation Observer::observe(std::shared_ptr<const api::VmMigration> migration,
                              const NicMemories& memories) const {
  Observation o;
  o.migration = std::move(migration);
  o.now = ports_.clock.wall();
  o.maxParallelMigrations = options_.maxParallelMigrations;
  if (o.migration->status.targetHost.empty() || !o.migration->status.attempt) {
    countOthers(o);
    o.outOfTurn = waitsAsBefore(o);
    if (!o.outOfTurn) search(o);
  } else {
    lookAtBothEnds(o, memories);
  }
  return o;
}

void Observer::refresh(const std::string& host) const {
  // An error is kept with the host's facts, where the next observation finds it.
  (void)ports_.hostCache.refresh(host);
}

void Observer::refreshAll() const {
  for (const auto& host : ports_.hosts.list()) {
    (void)ports_.hostCache.refresh(host->metadata.name);
  }
}

void Observer::countOthers(Observation& o) const {
  for (const auto& other : ports_.migrations.list()) {
    if (other->metadata.uid == o.migration->metadata.uid || other->finished()) continue;
    if (!other->status.targetHost.empty()) ++o.activeMigrations;
    if (isWaiting(*other) && queueRank(*other) < queueRank(*o.migration)) ++o.queuedBefore;
  }
}

Candidate Observer::candidate(std::shared_ptr<const api::VmHost> host,
                              const domain::ReservationsByHost& reservations) const {
  Candidate c;
  const auto facts = ports_.hostCache.get(host->metadata.name);
  c.host = std::move(host);
  if (!facts || !facts->reachable()) {
    c.error = facts && facts->error ? facts->error->message : "not connected yet";
    return c;
  }
  c.facts = facts;
  c.inventory = ports_.hostCache.inventory(*c.host, reservations);
  c.reachable = c.inventory != nullptr;
  return c;
}

// Once for all hosts: there may be many migrations.
void Observer::countTraffic(std::vector<Candidate>& candidates) const {
  std::unordered_map<std::string_view, Candidate*> byName;
  for (Candidate& c : candidates) byName[c.name()] = &c;
  for (const auto& m : ports_.migrations.list()) {
    if (m->status.targetHost.empty() || m->finished()) continue;
    if (const auto to = byName.find(m->status.targetHost); to != byName.end()) {
      ++to->second->inbound;
    }
    if (const auto from = byName.find(m->status.sourceHost); from != byName.end()) {
      ++from->second->outbound;
    }
  }
}

void Observer::search(Observation& o) const {
  const auto reservations = domain::groupByHost(ports_.reservations.list());
  for (auto& host : ports_.hosts.list()) {
    const Candidate& c = o.candidates.emplace_back(candidate(host, reservations));
    if (!c.reachable) {
      o.unknownHosts.push_back(host->metadata.name);
      continue;
    }
    for (const domain::ParsedDomain& d : c.facts->domains) {
      const domain::DomainDescription* description = d.current();
      if (d.summary.name != o.migration->spec.vmName || description == nullptr) continue;
      Sighting sighting{host->metadata.name, {}, *description, isActive(d.summary)};
      static_cast<hypervisor::DomainSummary&>(sighting.domain) = d.summary;
      const std::string& ns = description->vnicNamespace.empty() ? options_.operatorNamespace
                                                                 : description->vnicNamespace;
      (ns == o.migration->metadata.ns ? o.sightings : o.foreign).push_back(std::move(sighting));
    }
  }
  std::sort(o.candidates.begin(), o.candidates.end(),
            [](const Candidate& a, const Candidate& b) { return a.name() < b.name(); });
  countTraffic(o.candidates);
  for (const Sighting& sighting : o.sightings) {
    if (!sighting.active) continue;
    for (const domain::HostdevNic& hostdev : sighting.description.passthroughNics()) {
      o.nics.push_back(nicInGuest(o, sighting, hostdev));
    }
    break;
  }
}

void Observer::nameProfiles(Nic& nic) const {
  if (!nic.vnic) return;
  nic.profile = ports_.profiles.get({"", nic.vnic->spec.profile});
  if (nic.profile && !nic.profile->spec.failover.empty()) {
    nic.failover = ports_.profiles.get({"", nic.profile->spec.failover});
  }
}

Nic Observer::nicInGuest(const Observation& o, const Sighting& source,
                         const domain::HostdevNic& hostdev) const {
  Nic nic;
  nic.mac = hostdev.mac;
  nic.device = domain::planOf(hostdev);
  nic.onSource = hostdev.source;
  nic.vnic = describedNic(o.migration->metadata.ns, o.migration->spec.vmName, hostdev.mac,
                          ports_.vnics.list());
  nameProfiles(nic);
  if (!nic.vnic) nic.suggestedProfile = suggestProfile(o, source, hostdev);
  return nic;
}

Copy Observer::copyOn(const std::string& host, const std::string& uuid) const {
  Copy copy;
  auto domain = ports_.hypervisor.domain(host, uuid);
  if (!domain) {
    const bool absent = domain.error().kind == ErrorKind::NotFound;
    copy.answer = absent ? Copy::Answer::Absent : Copy::Answer::Unknown;
    copy.error = host + ": " + domain.error().message;
    return copy;
  }
  copy.domain = std::move(*domain);
  copy.answer = Copy::Answer::Present;
  if (isActive(copy.domain)) {
    auto live = domain::parseDomain(copy.domain.liveXml);
    if (!live) {  // half-made or unreadable: not something to decide upon
      copy.answer = Copy::Answer::Unknown;
      copy.error = host + ": " + live.error().message;
      return copy;
    }
    copy.live = std::move(*live);
  }
  if (!copy.domain.persistentXml.empty()) {
    if (auto kept = domain::parseDomain(copy.domain.persistentXml)) {
      copy.persistent = std::move(*kept);
    }
  }
  return copy;
}

void Observer::lookAtBothEnds(Observation& o, const NicMemories& memories) const {
  const api::VmMigrationStatus& status = o.migration->status;
  o.sourceHost = ports_.hosts.get({"", status.sourceHost});
  o.targetHost = ports_.hosts.get({"", status.targetHost});
  o.outcome = ports_.hypervisor.migrationOutcome(status.sourceHost, status.vmUUID);
  o.target = copyOn(status.targetHost, status.vmUUID);
  o.source = copyOn(status.sourceHost, status.vmUUID);
  believeDead(o.targetHost, o.target);
  believeDead(o.sourceHost, o.source);
  if (o.source.running() || o.source.paused()) {
    if (auto job = ports_.hypervisor.jobProgress(status.sourceHost, status.vmUUID)) o.job = *job;
  }
  if (o.target.running() && !status.downtimeMilliseconds) {
    const auto finished = ports_.hypervisor.jobProgress(status.targetHost, status.vmUUID);
    if (finished) o.downtimeMilliseconds = finished->downtimeMilliseconds;
  }
  for (const auto& nic : status.nics) {
    o.nics.push_back(nicOfStatus(o, nic, memories));
  }
  if (ports_.agents != nullptr && std::any_of(o.nics.begin(), o.nics.end(), awaitsPin)) {
    o.sourceAgentAlive = ports_.agents->alive(status.sourceHost);
  }
  const auto reservations = domain::groupByHost(ports_.reservations.list());
  const auto inventory = [&](const std::shared_ptr<const api::VmHost>& host) {
    const auto facts = host ? ports_.hostCache.get(host->metadata.name) : nullptr;
    return facts && facts->reachable() ? ports_.hostCache.inventory(*host, reservations) : nullptr;
  };
  o.sourceInventory = inventory(o.sourceHost);
  o.targetInventory = inventory(o.targetHost);
}

Nic Observer::nicOfStatus(const Observation& o, const api::NicMigrationStatus& status,
                          const NicMemories& memories) const {
  const api::VmMigrationStatus& migration = o.migration->status;
  Nic nic;
  nic.mac = status.mac;
  nic.vnic = ports_.vnics.get({o.migration->metadata.ns, status.vnic});
  nameProfiles(nic);
  if (const auto known = memories.find(nic.mac); known != memories.end()) {
    nic.memory = known->second;
  }
  const auto all = ports_.reservations.list();
  auto onSource =
      reservationsFor(all, migration.sourceHost, nic, *o.migration, api::purpose::kReturn);
  auto onTarget =
      reservationsFor(all, migration.targetHost, nic, *o.migration, api::purpose::kTarget);
  // The stored plan leads: after the detach nothing else has it.
  const bool planned = !onSource.empty() || !onTarget.empty();
  if (planned) nic.device = (onSource.empty() ? onTarget : onSource).front()->spec.device;
  const auto find = [&](const Copy& copy) -> const domain::HostdevNic* {
    if (!copy.live) return nullptr;
    api::DevicePlan wanted = nic.device;
    wanted.macAddress = nic.mac;
    return domain::findNic(*copy.live, wanted);
  };
  if (const auto* hostdev = find(o.source)) {
    nic.onSource = hostdev->source;
    if (!planned) nic.device = domain::planOf(*hostdev);
  }
  if (const auto* hostdev = find(o.target)) nic.onTarget = hostdev->source;
  nic.source = choose(std::move(onSource), nic.onSource, *o.migration, nic);
  nic.target = choose(std::move(onTarget), nic.onTarget, *o.migration, nic);
  return nic;
}

}  // namespace vnic::reconcile::vm_migration
