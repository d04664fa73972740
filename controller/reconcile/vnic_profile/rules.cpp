// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vnic_profile/rules.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace vnic::reconcile::vnic_profile {
namespace {

std::vector<Witness> profileWitness(const std::string& name) {
  return {{Witness::Kind::Profile, {"", name}}};
}

// One user is enough to be in use, so one is enough to ask for.
std::vector<Witness> firstVnic(const Users& users) {
  const std::string& key = users.vnics.front();
  const auto slash = key.find('/');
  return {{Witness::Kind::Vnic, {key.substr(0, slash), key.substr(slash + 1)}}};
}

void checkFailover(const api::VnicProfile& profile, const std::vector<ProfilePtr>& all,
                   std::vector<Violation>& result) {
  constexpr char kField[] = "spec.failover";
  const std::string& name = profile.spec.failover;
  if (name.empty()) return;
  if (!profile.spec.passthrough || !profile.spec.migratable) {
    result.push_back({kField,
                      "FailoverNeedsMigratablePassthrough",
                      "may be set only when `passthrough` and `migratable` are true",
                      {}});
  }
  if (name == profile.metadata.name) {
    result.push_back({kField, "FailoverIsSelf", "must name another profile", {}});
    return;
  }
  const ProfilePtr failover = findProfile(name, all);
  if (!failover || failover->metadata.deleting()) {
    result.push_back({kField, "FailoverNotFound",
                      fmt::format("names '{}', which does not exist{}", name,
                                  failover ? " for much longer: it is being deleted" : ""),
                      profileWitness(name), true});
    return;
  }
  if (failover->spec.passthrough) {
    result.push_back(
        {kField, "FailoverIsPassthrough",
         fmt::format("names '{}', which is passthrough itself; the standby must be a virtio NIC",
                     name),
         profileWitness(name)});
  }
  if (!failover->spec.failover.empty()) {
    result.push_back({kField, "FailoverHasFailover",
                      fmt::format("names '{}', which must not have a failover", name),
                      profileWitness(name)});
  }
}

void checkExclusions(const api::VnicProfileSpec& spec, std::vector<Violation>& result) {
  if (spec.passthrough && !spec.bridge.empty()) {
    result.push_back(
        {"spec.bridge", "BridgeNotAllowed", "may not be set when `passthrough` is true", {}});
  }
  if (spec.passthrough && !spec.networkFilter.empty()) {
    result.push_back({"spec.networkFilter",
                      "NetworkFilterNotAllowed",
                      "may not be set when `passthrough` is true",
                      {}});
  }
  if (!spec.passthrough && !spec.migratable) {
    result.push_back({"spec.migratable",
                      "NotMigratableNeedsPassthrough",
                      "may be false only when `passthrough` is true",
                      {}});
  }
  const api::AllowedNamespaces& allowed = spec.allowedNamespaces;
  if ((allowed.from == "Selector") == allowed.matchLabels.empty()) {
    result.push_back({"spec.allowedNamespaces.selector",
                      "SelectorMismatch",
                      "must be set when `from` is 'Selector', and only then",
                      {}});
  }
}

}  // namespace

std::string Violation::text() const {
  return field.empty() ? message : fmt::format("`{}` {}", field, message);
}

ProfilePtr findProfile(const std::string& name, const std::vector<ProfilePtr>& all) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const ProfilePtr& candidate) {
    return candidate->metadata.name == name;
  });
  return found == all.end() ? nullptr : *found;
}

std::string listNames(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 10;
  if (names.size() <= kShown) return fmt::format("{}", fmt::join(names, ", "));
  return fmt::format("{} and {} more", fmt::join(names.begin(), names.begin() + kShown, ", "),
                     names.size() - kShown);
}

std::vector<std::string> failoverFor(const std::string& profile,
                                     const std::vector<ProfilePtr>& all) {
  std::vector<std::string> names;
  for (const ProfilePtr& candidate : all) {
    if (candidate->spec.failover == profile && candidate->metadata.name != profile) {
      names.push_back(candidate->metadata.name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

Users usersOf(const std::string& profile, const std::vector<ProfilePtr>& profiles,
              const std::vector<VnicPtr>& vnics) {
  Users users;
  for (const VnicPtr& vnic : vnics) {
    if (vnic->spec.profile == profile) users.vnics.push_back(vnic->metadata.key().str());
  }
  std::sort(users.vnics.begin(), users.vnics.end());
  users.profiles = failoverFor(profile, profiles);
  return users;
}

std::vector<Violation> violations(const api::VnicProfile& profile,
                                  const std::vector<ProfilePtr>& all) {
  std::vector<Violation> result;
  checkExclusions(profile.spec, result);
  checkFailover(profile, all, result);
  const auto users = failoverFor(profile.metadata.name, all);
  if (profile.spec.passthrough && !users.empty()) {
    result.push_back({"spec.passthrough", "PassthroughIsFailover",
                      fmt::format("must be false while it is the failover of {}", listNames(users)),
                      profileWitness(users.front())});
  }
  return result;
}

std::vector<Violation> forbiddenChanges(const api::VnicProfile& before,
                                        const api::VnicProfile& after, const Users& users) {
  std::vector<Violation> result;
  if (users.vnics.empty()) return result;
  const std::string who = listNames(users.vnics);
  if (before.spec.passthrough != after.spec.passthrough) {
    result.push_back({"spec.passthrough", "PassthroughInUse",
                      fmt::format("may not be changed while Vnics use the profile: {}", who),
                      firstVnic(users)});
  }
  if (before.spec.failover != after.spec.failover) {
    result.push_back(
        {"spec.failover", "FailoverInUse",
         fmt::format("may not be set, changed or removed while Vnics use the profile: {}", who),
         firstVnic(users)});
  }
  return result;
}

std::vector<Violation> forbiddenDeletion(const Users& users) {
  std::vector<Violation> result;
  if (!users.vnics.empty()) {
    result.push_back({"", "InUse",
                      fmt::format("the profile may not be deleted while Vnics use it: {}",
                                  listNames(users.vnics)),
                      firstVnic(users)});
  }
  if (!users.profiles.empty()) {
    result.push_back({"", "InUseAsFailover",
                      fmt::format("the profile may not be deleted while it is the failover of {}",
                                  listNames(users.profiles)),
                      profileWitness(users.profiles.front())});
  }
  return result;
}

bool allows(const api::AllowedNamespaces& allowed,
            const std::map<std::string, std::string>& namespaceLabels) {
  if (allowed.from != "Selector") return true;
  const auto& wanted = allowed.matchLabels;
  return !wanted.empty() && std::all_of(wanted.begin(), wanted.end(), [&](const auto& label) {
    const auto has = namespaceLabels.find(label.first);
    return has != namespaceLabels.end() && has->second == label.second;
  });
}

}  // namespace vnic::reconcile::vnic_profile
