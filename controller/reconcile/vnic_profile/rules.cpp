// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vnic_profile/rules.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace vnic::reconcile::vnic_profile {
namespace {

ProfilePtr find(const std::string& name, const std::vector<ProfilePtr>& all) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const ProfilePtr& candidate) {
    return candidate->metadata.name == name;
  });
  return found == all.end() ? nullptr : *found;
}

void checkFailover(const api::VnicProfile& profile, const std::vector<ProfilePtr>& all,
                   std::vector<Violation>& result) {
  const std::string& name = profile.spec.failover;
  if (name.empty()) return;
  if (!profile.spec.passthrough || !profile.spec.migratable) {
    result.push_back({"FailoverNeedsMigratablePassthrough",
                      "`spec.failover` may be set only when `passthrough` and `migratable` are "
                      "true"});
  }
  if (name == profile.metadata.name) {
    result.push_back({"FailoverIsSelf", "`spec.failover` must name another profile"});
    return;
  }
  const ProfilePtr failover = find(name, all);
  if (!failover || failover->metadata.deleting()) {
    result.push_back(
        {"FailoverNotFound", fmt::format("`spec.failover` names '{}', which does not exist{}", name,
                                         failover ? " for much longer: it is being deleted" : "")});
    return;
  }
  if (failover->spec.passthrough) {
    result.push_back({"FailoverIsPassthrough",
                      fmt::format("`spec.failover` names '{}', which is passthrough itself; the "
                                  "standby must be a virtio NIC",
                                  name)});
  }
  if (!failover->spec.failover.empty()) {
    result.push_back(
        {"FailoverHasFailover",
         fmt::format("`spec.failover` names '{}', which must not have a failover", name)});
  }
}

void checkExclusions(const api::VnicProfileSpec& spec, std::vector<Violation>& result) {
  if (spec.passthrough && !spec.bridge.empty()) {
    result.push_back(
        {"BridgeNotAllowed", "`spec.bridge` may not be set when `passthrough` is true"});
  }
  if (spec.passthrough && !spec.networkFilter.empty()) {
    result.push_back({"NetworkFilterNotAllowed",
                      "`spec.networkFilter` may not be set when `passthrough` is true"});
  }
  if (!spec.passthrough && !spec.migratable) {
    result.push_back({"NotMigratableNeedsPassthrough",
                      "`spec.migratable` may be false only when `passthrough` is true"});
  }
}

}  // namespace

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

std::vector<Violation> violations(const api::VnicProfile& profile,
                                  const std::vector<ProfilePtr>& all) {
  std::vector<Violation> result;
  checkExclusions(profile.spec, result);
  checkFailover(profile, all, result);
  const auto users = failoverFor(profile.metadata.name, all);
  if (profile.spec.passthrough && !users.empty()) {
    result.push_back({"PassthroughIsFailover",
                      fmt::format("`spec.passthrough` must be false while it is the failover of {}",
                                  fmt::join(users, ", "))});
  }
  return result;
}

}  // namespace vnic::reconcile::vnic_profile
