// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vnic_profile/status.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "api/names.h"
#include "reconcile/verdict.h"

namespace vnic::reconcile::vnic_profile {
namespace {

using api::ConditionStatus;

vm_host::HostFactsPtr factsOf(const std::string& host, const StatusInput& input) {
  for (const auto& facts : input.facts) {
    if (facts->host == host) return facts;
  }
  return nullptr;
}

const api::VnicProfile* failoverOf(const StatusInput& input) {
  for (const ProfilePtr& candidate : input.profiles) {
    if (candidate->metadata.name == input.profile.spec.failover) return candidate.get();
  }
  return nullptr;
}

bool carriesVirtio(const hypervisor::HostSnapshot& snapshot, const api::VnicProfileSpec& virtio) {
  if (!virtio.bridge.empty()) return true;
  return std::any_of(snapshot.networks.begin(), snapshot.networks.end(), [&](const auto& network) {
    return network.name == virtio.network && network.active;
  });
}

// Does the host have what the profile needs, whether or not a VF is free now?
bool couldServe(const domain::VfInventory& inventory, const hypervisor::HostSnapshot& snapshot,
                const StatusInput& input) {
  const api::VnicProfileSpec& spec = input.profile.spec;
  if (!spec.passthrough) return carriesVirtio(snapshot, spec);
  if (std::none_of(inventory.physicalFunctions.begin(), inventory.physicalFunctions.end(),
                   [&](const auto& pf) { return pf.carries(spec.network); })) {
    return false;
  }
  if (spec.failover.empty()) return true;
  const api::VnicProfile* failover = failoverOf(input);
  return failover != nullptr && carriesVirtio(snapshot, failover->spec);
}

Verdict accepted(const std::vector<Violation>& violations) {
  if (violations.empty()) return {ConditionStatus::True, "Accepted", "The profile can be used"};
  std::vector<std::string> lines;
  for (const Violation& violation : violations) {
    lines.push_back(violation.reason + ": " + violation.message);
  }
  return {ConditionStatus::False, violations.front().reason,
          fmt::format("{}", fmt::join(lines, "; "))};
}

Verdict ready(const StatusInput& input, const Users& users, const Verdict& acceptance,
              const std::vector<api::ServingHost>& hosts) {
  if (input.profile.metadata.deleting() && users.any()) {
    std::vector<std::string> all = users.vnics;
    all.insert(all.end(), users.profiles.begin(), users.profiles.end());
    if (all.size() > kMaxListedUsers) all.resize(kMaxListedUsers);
    return {ConditionStatus::False, "InUse",
            fmt::format("It is deleted once nothing uses it any more: {}", fmt::join(all, ", "))};
  }
  if (acceptance.status != ConditionStatus::True) {
    return {ConditionStatus::False, acceptance.reason, acceptance.message};
  }
  if (hosts.empty()) {
    return {
        ConditionStatus::False, "NoHost",
        input.profile.spec.passthrough
            ? "No host that answers has a PF for the network (and, with a failover, its network)"
            : "No host that answers has an active libvirt network of that name"};
  }
  if (input.profile.spec.passthrough &&
      std::all_of(hosts.begin(), hosts.end(),
                  [](const auto& host) { return host.freeVirtualFunctions == 0; })) {
    return {ConditionStatus::True, "NoFreeVirtualFunctions", "No host has a free VF for it now"};
  }
  if (!input.profile.spec.passthrough && !input.profile.spec.bridge.empty()) {
    return {ConditionStatus::True, "BridgeUnchecked",
            "libvirt cannot tell on which hosts the bridge exists"};
  }
  return {ConditionStatus::True, "Ready", ""};
}

template <class Item>
std::vector<Item> atMost(std::vector<Item> items, std::size_t limit) {
  if (items.size() > limit) items.resize(limit);
  return items;
}

}  // namespace

Users usersOf(const StatusInput& input) {
  Users users;
  for (const auto& vnic : input.vnics) {
    if (vnic->spec.profile == input.profile.metadata.name) {
      users.vnics.push_back(vnic->metadata.key().str());
    }
  }
  std::sort(users.vnics.begin(), users.vnics.end());
  users.profiles = failoverFor(input.profile.metadata.name, input.profiles);
  return users;
}

std::vector<api::ServingHost> servingHosts(const StatusInput& input) {
  std::vector<api::ServingHost> serving;
  for (const auto& host : input.hosts) {
    const auto facts = factsOf(host->metadata.name, input);
    if (!facts || !facts->reachable() || host->spec.availability == "OutOfService") continue;
    const auto inventory = domain::buildInventory(host->metadata.name, host->spec, facts->snapshot,
                                                  facts->domains, input.reservations);
    if (!couldServe(inventory, facts->snapshot, input)) continue;
    const bool passthrough = input.profile.spec.passthrough;
    serving.push_back(
        {host->metadata.name, passthrough ? inventory.freeFor(input.profile.spec.network) : 0});
  }
  std::sort(serving.begin(), serving.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return serving;
}

api::VnicProfileStatus buildStatus(const StatusInput& input) {
  api::VnicProfileStatus status;
  const Users users = usersOf(input);
  const auto hosts = servingHosts(input);
  const auto generation = input.profile.metadata.generation;
  status.observedGeneration = generation;
  status.vnicCount = static_cast<int>(users.vnics.size());
  status.vnics = atMost(users.vnics, kMaxListedUsers);
  status.failoverFor = atMost(users.profiles, kMaxListedUsers);
  status.hosts = atMost(hosts, kMaxListedHosts);
  status.conditions = input.profile.status.conditions;
  const auto set = [&](const char* type, const Verdict& verdict) {
    setVerdict(status.conditions, type, verdict, generation, input.now);
  };
  const Verdict acceptance = accepted(violations(input.profile, input.profiles));
  set(api::condition::kAccepted, acceptance);
  set(api::condition::kReady, ready(input, users, acceptance, hosts));
  return status;
}

}  // namespace vnic::reconcile::vnic_profile
