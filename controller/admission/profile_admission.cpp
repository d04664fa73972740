// SPDX-License-Identifier: Apache-2.0
#include "admission/profile_admission.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "reconcile/vnic_profile/advice.h"

namespace vnic::admission {
namespace {

namespace rules = reconcile::vnic_profile;

void append(std::vector<Violation>& all, std::vector<Violation> more) {
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

Verdict judgeDeletion(const api::VnicProfile& profile, const World& world) {
  Verdict verdict;
  if (profile.metadata.deleting()) return verdict;
  verdict.refusals =
      rules::forbiddenDeletion(rules::usersOf(profile.metadata.name, world.profiles, world.vnics));
  return verdict;
}

}  // namespace

Verdict judgeProfile(const api::VnicProfile* before, const api::VnicProfile* after,
                     const World& world) {
  if (after == nullptr) return judgeDeletion(*before, world);
  Verdict verdict;
  if (after->metadata.deleting() || (before != nullptr && before->spec == after->spec)) {
    return verdict;
  }
  std::vector<Violation> wrongBefore;
  if (before != nullptr) wrongBefore = rules::violations(*before, world.profiles);
  for (Violation& violation : rules::violations(*after, world.profiles)) {
    const bool news =
        std::find(wrongBefore.begin(), wrongBefore.end(), violation) == wrongBefore.end();
    const bool refuse = news && !violation.awaitsObject;
    (refuse ? verdict.refusals : verdict.warnings).push_back(std::move(violation));
  }
  append(verdict.warnings, rules::advice(*after, world.profiles));
  if (before != nullptr) {
    const auto users = rules::usersOf(after->metadata.name, world.profiles, world.vnics);
    append(verdict.refusals, rules::forbiddenChanges(*before, *after, users));
    append(verdict.warnings, rules::adviceOnChange(*before, *after, users));
  }
  return verdict;
}

}  // namespace vnic::admission
