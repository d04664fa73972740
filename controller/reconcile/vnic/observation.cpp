// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vnic/observation.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "reconcile/described_nic.h"
#include "reconcile/vnic_profile/rules.h"

namespace vnic::reconcile::vnic {
namespace {

bool isOlder(const api::Vnic& a, const api::Vnic& b) {
  return std::tie(a.metadata.creationTimestamp, a.metadata.uid) <
         std::tie(b.metadata.creationTimestamp, b.metadata.uid);
}

std::string derivedMac(const api::Vnic& vnic, int attempt) {
  std::string key = vnic.metadata.uid;
  if (attempt > 0) key += fmt::format("#{}", attempt);
  std::uint32_t hash = 2166136261u;  // FNV-1a: the same on every machine and in every version
  for (const char c : key) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return fmt::format("52:54:00:{:02x}:{:02x}:{:02x}", (hash >> 16) & 0xffu, (hash >> 8) & 0xffu,
                     hash & 0xffu);
}

bool hasMac(const domain::DomainDescription& domain, const std::string& mac) {
  const auto same = [&](const auto& nic) { return nic.mac == mac; };
  return std::any_of(domain.hostdevs.begin(), domain.hostdevs.end(), same) ||
         std::any_of(domain.virtualNics.begin(), domain.virtualNics.end(), same);
}

// No other Vnic has it, and no VM that is known.
bool isUnused(const std::string& mac, const api::Vnic& vnic, const ObservationSources& sources) {
  for (const auto& other : sources.vnics.list()) {
    if (other->metadata.uid != vnic.metadata.uid && macOf(*other) == mac) return false;
  }
  for (const auto& facts : sources.hostCache.list()) {
    for (const auto& domain : facts->domains) {
      for (const auto* definition : {&domain.live, &domain.persistent}) {
        if (*definition && hasMac(**definition, mac)) return false;
      }
    }
  }
  return true;
}

std::string chooseMac(const api::Vnic& vnic, const ObservationSources& sources) {
  constexpr int kAttempts = 256;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    std::string mac = derivedMac(vnic, attempt);
    if (isUnused(mac, vnic, sources)) return mac;
  }
  return derivedMac(vnic, 0);  // a conflict is told like any other
}

std::string networkOf(const api::Vnic& vnic, const cache::Store<api::VnicProfile>& profiles) {
  const auto profile = profiles.get({"", vnic.spec.profile});
  return profile ? profile->spec.network : std::string();
}

std::string findMacOwner(const api::Vnic& vnic, const std::string& mac,
                         const ObservationSources& sources) {
  const std::string network = networkOf(vnic, sources.profiles);
  for (const auto& other : sources.vnics.list()) {
    if (other->metadata.uid != vnic.metadata.uid && macOf(*other) == mac && isOlder(*other, vnic) &&
        networkOf(*other, sources.profiles) == network) {
      return other->metadata.key().str();
    }
  }
  return {};
}

std::string findProfileProblem(const Observation& o, const ObservationSources& sources) {
  if (!o.profile) return fmt::format("VnicProfile {} does not exist", o.vnic->spec.profile);
  const auto violations = vnic_profile::violations(*o.profile, sources.profiles.list());
  if (violations.empty()) return {};
  return fmt::format("VnicProfile {} is not accepted: {}", o.vnic->spec.profile,
                     violations.front().text());
}

}  // namespace

bool Observation::wantsAttached() const {
  if (vnic->metadata.deleting()) return vnic->spec.deletionPolicy != "Detach";
  return vnic->spec.desiredState != "Detached";
}

std::string knownAlias(const Observation& o) {
  for (const auto& reservation : o.held) {
    if (!reservation->spec.device.alias.empty()) return reservation->spec.device.alias;
  }
  return {};
}

std::string macOf(const api::Vnic& vnic) {
  return recordedMac(vnic).value_or(derivedMac(vnic, 0));
}

NicParts partsOf(const domain::DomainDescription& domain, const std::string& mac,
                 const std::string& alias) {
  NicParts parts;
  std::vector<const domain::HostdevNic*> vfs;
  for (const auto& hostdev : domain.hostdevs) {
    if (hostdev.isInterface && hostdev.mac == mac) vfs.push_back(&hostdev);
  }
  if (vfs.size() > 1 && !alias.empty()) {
    std::erase_if(vfs, [&](const auto* vf) { return vf->alias != alias; });
  }
  if (vfs.size() == 1) parts.vf = vfs[0];
  int virtioCount = 0;
  for (const auto& nic : domain.virtualNics) {
    if (nic.mac != mac) continue;
    parts.virtio = &nic;
    ++virtioCount;
  }
  if (parts.vf != nullptr && virtioCount > 1) {
    if (const auto* standby = domain.standbyFor(*parts.vf)) {
      parts.virtio = standby;
      virtioCount = 1;
    }
  }
  parts.ambiguous = vfs.size() > 1 || virtioCount > 1;
  return parts;
}

Observation observe(std::shared_ptr<const api::Vnic> vnic, const ObservationSources& sources,
                    std::optional<Retry> retry, MonoTime now, WallTime wall) {
  Observation o;
  o.vnic = std::move(vnic);
  o.retry = std::move(retry);
  o.now = now;
  o.wall = wall;
  const api::VnicSpec& spec = o.vnic->spec;
  o.profile = sources.profiles.get({"", spec.profile});
  if (o.profile && !o.profile->spec.failover.empty()) {
    o.failover = sources.profiles.get({"", o.profile->spec.failover});
  }
  o.profileProblem = findProfileProblem(o, sources);
  o.macIsNew = !recordedMac(*o.vnic);
  o.mac = o.macIsNew ? chooseMac(*o.vnic, sources) : macOf(*o.vnic);
  o.macOwner = findMacOwner(*o.vnic, o.mac, sources);
  for (const auto& migration : sources.migrations.list()) {
    if (migration->metadata.ns == o.vnic->metadata.ns && migration->spec.vmName == spec.vmName &&
        !migration->finished() && !migration->status.targetHost.empty()) {
      o.migration = migration;
    }
  }
  for (const auto& reservation : sources.reservations.list()) {
    if (reservation->spec.holder.uid == o.vnic->metadata.uid) o.held.push_back(reservation);
  }
  std::sort(o.held.begin(), o.held.end(),
            [](const auto& a, const auto& b) { return a->metadata.name < b->metadata.name; });
  o.vm =
      findVm(o.vnic->metadata.ns, spec.vmName, sources.hostCache.list(), sources.operatorNamespace);
  if (!o.vm.found()) return o;
  o.host = sources.hosts.get({"", o.vm.host()});
  const std::string alias = knownAlias(o);
  if (o.vm.domain->live) o.live = partsOf(*o.vm.domain->live, o.mac, alias);
  if (o.vm.domain->persistent) o.persistent = partsOf(*o.vm.domain->persistent, o.mac, alias);
  if (!o.macOwner.empty() && spec.macAddress.empty() && !o.live.any() && !o.persistent.any()) {
    // Two were chosen at once and this one is nowhere in use: the younger chooses again.
    o.macIsNew = true;
    o.mac = chooseMac(*o.vnic, sources);
    o.macOwner.clear();
  }
  if (o.nic().vf != nullptr) {
    o.reservationOfVf = sources.reservations.get(
        {"", api::VfReservation::nameFor(o.vm.host(), o.nic().vf->source.str())});
  }
  return o;
}

}  // namespace vnic::reconcile::vnic
