// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vm_host/host_cache.h"

#include <string_view>
#include <utility>

namespace vnic::reconcile::vm_host {
namespace {

// Tells two reads apart without keeping the definitions' texts.
class Fingerprint {
 public:
  Fingerprint& add(std::string_view text) {
    value_ = value_ * 1099511628211u ^ std::hash<std::string_view>{}(text);
    return *this;
  }
  Fingerprint& add(std::int64_t number) { return add(std::to_string(number)); }
  std::size_t value() const { return value_; }

 private:
  std::size_t value_ = 14695981039346656037u;
};

std::size_t fingerprint(const hypervisor::HostSnapshot& snapshot) {
  Fingerprint print;
  print.add(snapshot.libvirt.str()).add(snapshot.qemu.str()).add(snapshot.vfio);
  for (const auto& pf : snapshot.physicalFunctions) {
    print.add(pf.address.str()).add(pf.netdev).add(pf.linkUp);
    for (const auto& vf : pf.virtualFunctions) {
      print.add(vf.address.str()).add(vf.iommuGroup).add(vf.iommuGroupSize);
      print.add(vf.driver).add(vf.netdev).add(vf.netdevUp);
    }
  }
  for (const auto& network : snapshot.networks) {
    print.add(network.name).add(network.active).add(network.bridge);
  }
  for (const auto& domain : snapshot.domains) {
    print.add(domain.uuid).add(domain.name).add(static_cast<int>(domain.state));
    print.add(static_cast<int>(domain.pausedReason)).add(domain.persistent).add(domain.autostart);
    print.add(domain.liveXml).add(domain.persistentXml);
  }
  return print.value();
}

}  // namespace

HostFactsPtr HostCache::get(const std::string& host) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(host);
  return found == entries_.end() ? nullptr : found->second.facts;
}

std::vector<HostFactsPtr> HostCache::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<HostFactsPtr> all;
  all.reserve(entries_.size());
  for (const auto& [host, entry] : entries_) all.push_back(entry.facts);
  return all;
}

std::shared_ptr<const domain::VfInventory> HostCache::inventory(
    const api::VmHost& host, const domain::ReservationsByHost& reservations) const {
  static const std::vector<domain::ReservationPtr> kNone;
  const std::string& name = host.metadata.name;
  const HostFactsPtr facts = get(name);
  if (!facts || !facts->known) return nullptr;
  const auto found = reservations.find(name);
  const auto& own = found == reservations.end() ? kNone : found->second;
  {
    const std::lock_guard lock(mutex_);
    const auto known = inventories_.find(name);
    if (known != inventories_.end() && known->second.facts == facts &&
        known->second.reservations == own && known->second.spec == host.spec &&
        known->second.agent == host.status.agent) {
      return known->second.built;
    }
  }
  auto built = std::make_shared<const domain::VfInventory>(
      domain::buildInventory(host, facts->snapshot, facts->domains, own));
  const std::lock_guard lock(mutex_);
  if (entries_.contains(name))
    inventories_[name] = {facts, host.spec, host.status.agent, own, built};
  return built;
}

Result<HostFactsPtr> HostCache::refresh(const std::string& host) {
  std::uint64_t ticket = 0;
  {
    const std::lock_guard lock(mutex_);
    ticket = ++lastTicket_;
  }
  auto snapshot = hypervisor_.snapshot(host);
  auto facts = std::make_shared<HostFacts>();
  facts->host = host;
  std::size_t print = 0;
  if (snapshot) {
    print = fingerprint(*snapshot);
    facts->known = true;
    facts->domains = domain::parseDomains(snapshot->domains);
    facts->readAt = clock_.wall();
    for (auto& domain : snapshot->domains) {
      domain.liveXml.clear();
      domain.liveXml.shrink_to_fit();
      domain.persistentXml.clear();
      domain.persistentXml.shrink_to_fit();
    }
    facts->snapshot = std::move(*snapshot);
  }
  bool changed = false;
  {
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[host];
    if (!snapshot) {
      if (entry.facts) *facts = *entry.facts;
      facts->error = snapshot.error();
      print = entry.fingerprint;
    }
    // Of two reads at the same time the one that began later is the newer.
    if (ticket > entry.ticket) {
      changed = !entry.facts || entry.facts->error.has_value() != facts->error.has_value() ||
                entry.fingerprint != print;
      entry = {facts, ticket, print};
    }
  }
  if (changed) {
    for (const ChangeHandler& handler : handlers_) handler(host);
  }
  if (facts->error) return fail(*facts->error);
  return facts;
}

void HostCache::remove(const std::string& host) {
  {
    const std::lock_guard lock(mutex_);
    inventories_.erase(host);
    if (entries_.erase(host) == 0) return;
  }
  for (const ChangeHandler& handler : handlers_) handler(host);
}

}  // namespace vnic::reconcile::vm_host
