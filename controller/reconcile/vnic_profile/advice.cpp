// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vnic_profile/advice.h"

#include <fmt/format.h>

#include <string>
#include <vector>

namespace vnic::reconcile::vnic_profile {
namespace {

std::string orDefault(std::optional<int> value, const char* without) {
  return value ? std::to_string(*value) : without;
}

// VF and standby are one NIC to the guest, so they have to lead to the same place.
void comparePair(const api::VnicProfileSpec& vf, const api::VnicProfile& standby,
                 std::vector<Violation>& result) {
  const std::string& name = standby.metadata.name;
  const std::vector<Witness> witnesses{{Witness::Kind::Profile, {"", name}}};
  if (vf.network != standby.spec.network) {
    result.push_back({"spec.failover", "NetworksDiffer",
                      fmt::format("names '{}' on network '{}', this profile is on '{}': the guest "
                                  "changes networks while it moves",
                                  name, standby.spec.network, vf.network),
                      witnesses});
  }
  if (vf.vlan != standby.spec.vlan) {
    result.push_back(
        {"spec.failover", "VlansDiffer",
         fmt::format("names '{}' with VLAN {}, this profile has VLAN {}: right only where the "
                     "standby's bridge adds the tag itself",
                     name, orDefault(standby.spec.vlan, "none"), orDefault(vf.vlan, "none")),
         witnesses});
  }
  if (vf.mtu != standby.spec.mtu) {
    result.push_back({"spec.failover", "MtusDiffer",
                      fmt::format("names '{}' with MTU {}, this profile has MTU {}: the guest does "
                                  "not take a VF whose MTU is smaller than its standby's",
                                  name, orDefault(standby.spec.mtu, "of the network"),
                                  orDefault(vf.mtu, "of the network")),
                      witnesses});
  }
}

}  // namespace

std::vector<Violation> advice(const api::VnicProfile& profile, const std::vector<ProfilePtr>& all) {
  std::vector<Violation> result;
  const api::VnicProfileSpec& spec = profile.spec;
  if (!spec.passthrough) return result;
  if (spec.migratable && spec.failover.empty()) {
    result.push_back({"spec.failover",
                      "OutageWhileMigrating",
                      "is not set: guests lose the network of such a NIC while they migrate",
                      {}});
  }
  const ProfilePtr standby = findProfile(spec.failover, all);
  if (standby && spec.failover != profile.metadata.name) comparePair(spec, *standby, result);
  return result;
}

std::vector<Violation> adviceOnChange(const api::VnicProfile& before, const api::VnicProfile& after,
                                      const Users& users) {
  std::vector<Violation> result;
  if (!users.any()) return result;
  std::vector<std::string> all = users.vnics;
  for (const std::string& profile : users.profiles) all.push_back("profile " + profile);
  const std::string who = listNames(all);
  const auto later = [&](const char* field, bool changed) {
    if (!changed) return;
    result.push_back({field,
                      "AppliesAtNextAttach",
                      fmt::format("applies when a NIC is attached the next time; until then it is "
                                  "out of sync: {}",
                                  who),
                      {}});
  };
  const api::VnicProfileSpec &was = before.spec, &is = after.spec;
  later("spec.vlan", was.vlan != is.vlan);
  later("spec.mtu", was.mtu != is.mtu);
  later("spec.bridge", was.bridge != is.bridge);
  later("spec.networkFilter", was.networkFilter != is.networkFilter);
  if (was.migratable && !is.migratable && !users.vnics.empty()) {
    result.push_back({"spec.migratable",
                      "KeepsVmsFromMigrating",
                      fmt::format("keeps the virtual machines of these Vnics from migrating: {}",
                                  listNames(users.vnics)),
                      {}});
  }
  return result;
}

}  // namespace vnic::reconcile::vnic_profile
