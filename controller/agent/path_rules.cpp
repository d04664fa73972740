// SPDX-License-Identifier: Apache-2.0
#include "agent/path_rules.h"

#include <algorithm>

namespace vnic::agent {
namespace {

bool learnedFrom(const HostState& state, const std::string& mac, int port) {
  return std::any_of(state.fdb.begin(), state.fdb.end(), [&](const FdbEntry& entry) {
    return entry.learned && entry.link == port && entry.mac == mac;
  });
}

// Two NICs with one MAC are on different networks, so on different bridges: the one that the guest
// was heard on is meant.
const Link* findTap(const HostState& state, const Claim& claim) {
  const std::string wanted = tapMac(claim.mac);
  const Link* found = nullptr;
  for (const Link& link : state.links) {
    if (link.kind != "tun" || link.master == 0 || link.mac != wanted) continue;
    if (found == nullptr || learnedFrom(state, claim.mac, link.index)) found = &link;
  }
  return found;
}

void remember(const Claim& claim, const View& view, const Link* tap, Seen& seen) {
  if (seen.stage != claim.stage) {
    seen.stage = claim.stage;
    seen.stageSince = view.now;
  }
  if (tap == nullptr) {
    seen.learnedOn = 0;
  } else if (learnedFrom(view.state, claim.mac, tap->index) ||
             view.heard.contains({tap->index, claim.mac})) {
    seen.learnedOn = tap->index;
  }
}

bool pinnedBefore(const Claim& claim, const View& view) {
  return std::any_of(view.ours.begin(), view.ours.end(),
                     [&](const Pin& pin) { return pin.mac == claim.mac; });
}

// Whether the path is to be kept open now.
bool keepOpen(const Claim& claim, const View& view, const Link& tap, const Seen& seen) {
  const bool settled = *seen.vfWorks && view.now - seen.vfWorksSince >= kSettle;
  switch (claim.stage) {
    case Stage::Leaving:
      return true;
    case Stage::Arriving:
      return !settled && (seen.learnedOn == tap.index || pinnedBefore(claim, view));
    case Stage::Still:
      return !settled && pinnedBefore(claim, view) &&
             (*seen.vfWorks || view.now - seen.stageSince < kLinger);
    case Stage::Released:
      return false;
  }
  return false;
}

// Where switches outside have to learn a new way: only when standby and VF are on different cards.
std::vector<Announcement> announcementsFor(const Claim& claim, const View& view, const Link& tap) {
  const auto pf = view.pfs.find(claim.vf);
  if (pf == view.pfs.end()) return {};
  const auto uplinks = view.state.uplinksOf(tap.master);
  for (const Link* uplink : uplinks) {
    if (view.state.cardsOf(*uplink).contains(pf->second)) return {};
  }
  if (view.working.contains(claim.vf)) {
    const Link* card = view.state.ofCard(pf->second);
    if (card == nullptr) return {};
    return {{card->index, claim.vlan}};
  }
  const Link* bridge = view.state.link(tap.master);
  const bool tags = bridge != nullptr && bridge->vlanFiltering;
  std::vector<Announcement> all;
  all.reserve(uplinks.size());
  for (const Link* uplink : uplinks) {
    all.push_back({uplink->index, tags && uplink->kind != "vlan" ? claim.vlan : 0});
  }
  return all;
}

}  // namespace

std::string tapMac(const std::string& guestMac) {
  // Not the guest's own: the bridge would take its frames for the host's.
  return (guestMac.rfind("fe", 0) == 0 ? "fa" : "fe") + guestMac.substr(2);
}

PathPlan planPath(const Claim& claim, const View& view, Seen& seen) {
  PathPlan plan;
  if (!claim.standby) return plan;
  plan.tap = findTap(view.state, claim);
  remember(claim, view, plan.tap, seen);
  if (plan.tap == nullptr || claim.stage == Stage::Released) {
    seen.vfWorks.reset();
    return plan;
  }
  const bool works = view.working.contains(claim.vf);
  if (seen.vfWorks != works) {
    if (seen.vfWorks) plan.announcements = announcementsFor(claim, view, *plan.tap);
    seen.vfWorks = works;
    seen.vfWorksSince = view.now;
    seen.forgotten = false;
  }
  plan.watch = claim.stage != Stage::Still;
  // The guest may speak through the standby until it has switched over. Not later: one whose VF has
  // lost its link rightly does so.
  if (works && !seen.forgotten) {
    seen.forgotten = view.now - seen.vfWorksSince >= kSettle;
    if (learnedFrom(view.state, claim.mac, plan.tap->index)) plan.forget = plan.tap->index;
    if (!seen.forgotten) plan.again = kSettle;
  }
  // A VF that comes back outside of a move.
  if (!works && learnedFrom(view.state, claim.mac, plan.tap->index)) plan.again = kSettle;
  if (!keepOpen(claim, view, *plan.tap, seen)) return plan;
  plan.watch = true;
  if (claim.stage != Stage::Leaving) plan.again = kSettle;
  for (const Link* uplink : view.state.uplinksOf(plan.tap->master)) {
    plan.pins.push_back({Pin::Kind::Filter, uplink->index, claim.mac});
  }
  if (!works) plan.pins.push_back({Pin::Kind::Entry, plan.tap->index, claim.mac});
  return plan;
}

}  // namespace vnic::agent
