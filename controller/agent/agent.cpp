// SPDX-License-Identifier: Apache-2.0
#include "agent/agent.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "agent/facts.h"
#include "api/names.h"

namespace vnic::agent {
namespace {

using namespace std::chrono_literals;

// Against what nobody told us of.
constexpr Duration kResync = 10s;
constexpr Duration kRetry = 1s;
// The kernel tells nobody when a guest's driver takes or leaves a VF.
constexpr Duration kPollVfs = 20ms;

std::vector<Verdict> verdictOf(const Claim& claim, const PathPlan& plan, const Error* failure) {
  const auto pinned = [](api::ConditionStatus status, const char* reason, std::string message) {
    return std::vector<Verdict>{
        {api::condition::kStandbyPinned, status, reason, std::move(message)}};
  };
  if (!claim.standby || (claim.stage != Stage::Leaving && plan.pins.empty())) return {};
  if (claim.stage != Stage::Leaving && claim.stage != Stage::Arriving) return {};
  if (plan.tap == nullptr) {
    return pinned(api::ConditionStatus::False, "NoStandbyTap",
                  fmt::format("no bridge has a tap for the standby of {}", claim.mac));
  }
  if (failure != nullptr) {
    return pinned(api::ConditionStatus::False, "PinFailed", failure->message);
  }
  return pinned(api::ConditionStatus::True, "Pinned",
                fmt::format("the way to {} through {} is kept open", claim.mac, plan.tap->name));
}

}  // namespace

void Agent::run(std::stop_token stop) {
  const std::stop_callback wake(stop, [this] { ports_.watch.wake(); });
  while (!stop.stop_requested()) step();
}

void Agent::step() {
  const Duration untilNext = std::max<Duration>(next_ - ports_.clock.now(), Duration::zero());
  const Changes changes =
      ports_.watch.wait(watched_.empty() ? untilNext : std::min(untilNext, kPollVfs));
  if (concernsUs(changes) || vfsChanged() || ports_.clock.now() >= next_) look(changes);
}

bool Agent::concernsUs(const Changes& changes) const {
  if (changes.woken || changes.links || changes.lost) return true;
  const auto ofOurs = [this](const FdbEntry& entry) {
    return std::any_of(claims_.begin(), claims_.end(),
                       [&](const Claim& claim) { return claim.mac == entry.mac; });
  };
  return std::any_of(changes.heard.begin(), changes.heard.end(), ofOurs) ||
         std::any_of(changes.removed.begin(), changes.removed.end(), ofOurs);
}

bool Agent::vfsChanged() const {
  return std::any_of(watched_.begin(), watched_.end(), [this](const auto& vf) {
    return ports_.pci.drivenByGuest(vf.first) != vf.second;
  });
}

void Agent::lookAgainWithin(Duration duration) {
  next_ = std::min(next_, ports_.clock.now() + duration);
}

void Agent::readClaims() {
  claims_.clear();
  for (const auto& reservation : ports_.reservations()) {
    if (auto claim = claimOf(*reservation)) claims_.push_back(std::move(*claim));
  }
  std::erase_if(seen_, [this](const auto& entry) {
    return std::none_of(claims_.begin(), claims_.end(),
                        [&](const Claim& claim) { return claim.reservation == entry.first; });
  });
}

void Agent::look(const Changes& changes) {
  next_ = ports_.clock.now() + kResync;
  readClaims();
  const auto state = ports_.network.read();
  if (!state) {
    ports_.log.error("Cannot read the host's network", {{"error", state.error().message}});
    lookAgainWithin(kRetry);
    return;
  }
  Board::Reports reports;
  for (const Claim& claim : claims_) reports[claim.reservation].generation = claim.generation;
  keepPaths(*state, changes, reports);
  scrubReleased(*state, reports);
  ports_.board.publish(std::move(reports));
  ports_.board.publish(factsOf(*state, ports_.pci));
}

void Agent::keepPaths(const HostState& state, const Changes& changes, Board::Reports& reports) {
  std::set<std::pair<int, std::string>> heard;
  for (const FdbEntry& entry : changes.heard) {
    if (entry.learned) heard.insert({entry.link, entry.mac});
  }
  std::set<PciAddress> working;
  std::map<PciAddress, PciAddress> pfs;
  for (const Claim& claim : claims_) {
    if (const auto place = ports_.pci.placeOf(claim.vf)) pfs[claim.vf] = place->pf;
    if (ports_.pci.drivenByGuest(claim.vf)) working.insert(claim.vf);
  }
  const std::set<Pin> ours = ports_.pins.ours();
  const View view{state, ours, heard, working, pfs, ports_.clock.now()};

  watched_.clear();
  std::vector<PathPlan> plans;
  std::vector<Pin> wanted;
  for (const Claim& claim : claims_) {
    plans.push_back(planPath(claim, view, seen_[claim.reservation]));
    const PathPlan& plan = plans.back();
    wanted.insert(wanted.end(), plan.pins.begin(), plan.pins.end());
    if (plan.watch) watched_[claim.vf] = working.contains(claim.vf);
    if (plan.again) lookAgainWithin(*plan.again);
  }
  const auto failures = ports_.pins.settle(wanted, state);
  if (!failures.empty()) lookAgainWithin(kRetry);
  for (std::size_t i = 0; i < claims_.size(); ++i) {
    const Claim& claim = claims_[i];
    if (plans[i].forget) {
      if (auto done = ports_.network.forget(*plans[i].forget, claim.mac); !done) {
        ports_.log.warn("Cannot make a bridge forget", {{"error", done.error().message}});
      }
    }
    for (const Announcement& announcement : plans[i].announcements) {
      const Status sent = ports_.network.announce(announcement.link, claim.mac, announcement.vlan);
      if (!sent) ports_.log.warn("Cannot announce", {{"error", sent.error().message}});
    }
    const auto failure = failures.find(claim.mac);
    for (Verdict& verdict :
         verdictOf(claim, plans[i], failure == failures.end() ? nullptr : &failure->second)) {
      reports[claim.reservation].verdicts.push_back(std::move(verdict));
    }
  }
}

void Agent::scrubReleased(const HostState& state, Board::Reports& reports) {
  for (const Claim& claim : claims_) {
    if (claim.stage != Stage::Released) continue;
    Scrubber::Outcome outcome = scrubber_.scrub(claim, state);
    if (!outcome.clean) lookAgainWithin(kRetry);
    auto& of = reports[claim.reservation].verdicts;
    std::move(outcome.verdicts.begin(), outcome.verdicts.end(), std::back_inserter(of));
  }
}

void Agent::release() {
  const auto state = ports_.network.read();
  if (state) (void)ports_.pins.settle({}, *state);
}

}  // namespace vnic::agent
