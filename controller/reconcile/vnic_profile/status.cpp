// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vnic_profile/status.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "api/names.h"
#include "reconcile/verdict.h"
#include "reconcile/vnic_profile/advice.h"

namespace vnic::reconcile::vnic_profile {
namespace {

using api::ConditionStatus;

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
  const ProfilePtr failover = findProfile(spec.failover, input.profiles);
  return failover && carriesVirtio(snapshot, failover->spec);
}

std::string joined(const std::vector<Violation>& violations) {
  std::vector<std::string> lines;
  lines.reserve(violations.size());
  for (const Violation& violation : violations) {
    lines.push_back(violation.reason + ": " + violation.text());
  }
  return fmt::format("{}", fmt::join(lines, "; "));
}

Verdict accepted(const StatusInput& input) {
  const auto wrong = violations(input.profile, input.profiles);
  if (!wrong.empty()) return {ConditionStatus::False, wrong.front().reason, joined(wrong)};
  const auto surprising = advice(input.profile, input.profiles);
  return {ConditionStatus::True, "Accepted",
          surprising.empty() ? "The profile can be used" : joined(surprising)};
}

// A change that slipped through, or that applies later, shows in the NICs that are there.
Verdict inSync(const StatusInput& input) {
  std::vector<std::string> differing;
  for (const VnicPtr& vnic : input.vnics) {
    if (vnic->spec.profile != input.profile.metadata.name) continue;
    const auto* sync = api::findCondition(vnic->status.conditions, api::condition::kInSync);
    const bool attached = api::isTrue(vnic->status.conditions, api::condition::kAttached);
    if (sync == nullptr || sync->status != ConditionStatus::False || !attached) continue;
    differing.push_back(fmt::format("{} ({})", vnic->metadata.key().str(), sync->reason));
  }
  if (differing.empty()) return {ConditionStatus::True, "InSync", ""};
  std::sort(differing.begin(), differing.end());
  return {ConditionStatus::False, "VnicsOutOfSync",
          fmt::format("Attached NICs are not as the profile says: {}", listNames(differing))};
}

Verdict ready(const StatusInput& input, const Users& users, const Verdict& acceptance,
              const std::vector<api::ServingHost>& hosts) {
  if (input.profile.metadata.deleting() && users.any()) {
    return {
        ConditionStatus::False, "InUse",
        fmt::format("It is deleted once nothing uses it: {}", joined(forbiddenDeletion(users)))};
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
  return usersOf(input.profile.metadata.name, input.profiles, input.vnics);
}

std::vector<api::ServingHost> servingHosts(const StatusInput& input) {
  std::vector<api::ServingHost> serving;
  for (const auto& host : input.hosts) {
    const std::string& name = host->metadata.name;
    const auto facts = input.hostCache.get(name);
    if (!facts || !facts->reachable() || host->spec.availability == "OutOfService") continue;
    const auto inventory = input.hostCache.inventory(*host, input.reservations);
    if (!inventory || !couldServe(*inventory, facts->snapshot, input)) continue;
    const bool passthrough = input.profile.spec.passthrough;
    serving.push_back({name, passthrough ? inventory->freeFor(input.profile.spec.network) : 0});
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
  const Verdict acceptance = accepted(input);
  set(api::condition::kAccepted, acceptance);
  set(api::condition::kInSync, inSync(input));
  set(api::condition::kReady, ready(input, users, acceptance, hosts));
  return status;
}

}  // namespace vnic::reconcile::vnic_profile
