// SPDX-License-Identifier: Apache-2.0
#include "admission/vnic_admission.h"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "reconcile/vnic/observation.h"

namespace vnic::admission {
namespace {

namespace rules = reconcile::vnic_profile;
using rules::Witness;

constexpr char kProfileField[] = "spec.profile.name";

void checkProfile(const api::Vnic& vnic, const World& world, const NamespaceAccess& access,
                  Verdict& verdict) {
  const std::string& name = vnic.spec.profile;
  const std::vector<Witness> witnesses{{Witness::Kind::Profile, {"", name}}};
  const auto profile = rules::findProfile(name, world.profiles);
  if (!profile) {
    verdict.warnings.push_back(
        {kProfileField, "ProfileNotFound",
         fmt::format("names '{}', which does not exist; the NIC is attached once it does", name),
         witnesses, true});
    return;
  }
  for (const Violation& wrong : rules::violations(*profile, world.profiles)) {
    verdict.warnings.push_back(
        {kProfileField, "ProfileNotAccepted",
         fmt::format("names '{}', which cannot be used: {}", name, wrong.text()), witnesses});
  }
  const auto allowed = access(profile->spec.allowedNamespaces, vnic.metadata.ns);
  if (!allowed) {
    verdict.warnings.push_back(
        {kProfileField,
         "NamespaceUnknown",
         fmt::format("names '{}', and whether namespace {} may use it could not be found out: {}",
                     name, vnic.metadata.ns, allowed.error().message),
         {}});
  } else if (!*allowed) {
    verdict.refusals.push_back(
        {kProfileField, "NamespaceNotAllowed",
         fmt::format("names '{}', which may not be used in namespace {} (its "
                     "`spec.allowedNamespaces`)",
                     name, vnic.metadata.ns),
         witnesses});
  }
}

std::string networkOf(const std::string& profile, const World& world) {
  const auto found = rules::findProfile(profile, world.profiles);
  return found ? found->spec.network : std::string();
}

void checkMac(const api::Vnic& vnic, const World& world, Verdict& verdict) {
  const auto mac = canonicalMac(vnic.spec.macAddress);
  if (!mac) return;
  const std::string network = networkOf(vnic.spec.profile, world);
  for (const auto& other : world.vnics) {
    if (other->metadata.key() == vnic.metadata.key() || other->metadata.deleting()) continue;
    if (reconcile::vnic::macOf(*other) != *mac) continue;
    const bool sameNetwork = other->spec.profile == vnic.spec.profile ||
                             (!network.empty() && networkOf(other->spec.profile, world) == network);
    if (!sameNetwork) continue;
    verdict.refusals.push_back({"spec.macAddress",
                                "MacAddressConflict",
                                fmt::format("is {}, which vnic {} has on the same network", *mac,
                                            other->metadata.key().str()),
                                {{Witness::Kind::Vnic, other->metadata.key()}}});
    return;
  }
}

}  // namespace

Verdict judgeVnic(const api::Vnic* before, const api::Vnic* after, const World& world,
                  const NamespaceAccess& access) {
  Verdict verdict;
  if (after == nullptr || after->metadata.deleting()) return verdict;
  const bool otherProfile = before == nullptr || before->spec.profile != after->spec.profile;
  const bool otherMac = before == nullptr || before->spec.macAddress != after->spec.macAddress;
  if (otherProfile) checkProfile(*after, world, access, verdict);
  if (otherProfile || otherMac) checkMac(*after, world, verdict);
  return verdict;
}

}  // namespace vnic::admission
