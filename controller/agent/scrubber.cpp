// SPDX-License-Identifier: Apache-2.0
#include "agent/scrubber.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "agent/scrub.h"
#include "api/names.h"

namespace vnic::agent {
namespace {

// Tries, a second apart, before the VF is said to be unusable; they go on afterwards.
constexpr int kPatience = 5;

Verdict scrubbed(api::ConditionStatus status, const char* reason, std::string message) {
  return {api::condition::kScrubbed, status, reason, std::move(message)};
}

Result<VfSettings> settingsOf(Network& network, const Link& pf, int number) {
  auto all = network.vfSettings(pf.index);
  if (!all) return fail(all.error());
  const auto found = std::find_if(all->begin(), all->end(),
                                  [&](const VfSettings& vf) { return vf.number == number; });
  if (found == all->end()) {
    return fail(Error::notFound(fmt::format("{} shows no VF {}", pf.name, number)));
  }
  return *found;
}

}  // namespace

Scrubber::Outcome Scrubber::scrub(const Claim& claim, const HostState& state) {
  const auto place = pci_.placeOf(claim.vf);
  if (!place) {
    return {true, {scrubbed(api::ConditionStatus::True, "NoSuchVf", "the host has it no longer")}};
  }
  if (pci_.openByGuest(claim.vf)) {
    return {false, {scrubbed(api::ConditionStatus::False, "InUse", "a process has the VF open")}};
  }
  const Status done = clean(claim, state, *place);
  if (done) {
    failures_.erase(claim.reservation);
    return {true, {scrubbed(api::ConditionStatus::True, "Clean", "nothing of its guest is left")}};
  }
  log_.warn("Cannot clean a VF", {{"vf", claim.vf.str()}, {"error", done.error().message}});
  Outcome outcome{false,
                  {scrubbed(api::ConditionStatus::False, "ScrubFailed", done.error().message)}};
  if (++failures_[claim.reservation] >= kPatience) {
    outcome.verdicts.push_back({api::condition::kQuarantined, api::ConditionStatus::True,
                                "ScrubFailed",
                                "the VF is given to nobody until it can be cleaned"});
  }
  return outcome;
}

Status Scrubber::clean(const Claim& claim, const HostState& state, const PciBus::Place& place) {
  const Link* pf = state.ofCard(place.pf);
  if (pf == nullptr) {
    return fail(Error::transient(fmt::format("PF {} has no network device here", place.pf.str())));
  }
  const auto before = settingsOf(network_, *pf, place.number);
  if (!before) return fail(before.error());
  Status refused;
  for (const VfChange& change : scrubChanges(*before, claim.mac)) {
    if (auto done = apply(*pf, change); !done) refused = done;
  }
  const auto after = settingsOf(network_, *pf, place.number);
  if (!after) return fail(after.error());
  const auto left = scrubChanges(*after, claim.mac);
  if (left.empty()) return {};
  if (!refused) return refused;
  return fail(Error::transient(fmt::format("the {} of VF {} of {} does not change",
                                           toString(left.front().what), place.number, pf->name)));
}

Status Scrubber::apply(const Link& pf, const VfChange& change) {
  Status done = network_.change(pf.index, change);
  if (done || change.what != VfChange::What::Mac) return done;
  VfChange other = change;
  other.value.mac = neutralMac(pf.mac, change.value.number);
  return network_.change(pf.index, other);
}

}  // namespace vnic::agent
