// SPDX-License-Identifier: Apache-2.0
#include "sim/fleet.h"

#include <algorithm>
#include <chrono>

#include "support/fake_hypervisor_errors.h"

namespace vnic::sim {
namespace {

using namespace std::chrono_literals;

// Measured with libvirt 11.3: the call returns OK after 5.0 s although the VF is still there.
constexpr Duration kUnplugCall = 5s;
constexpr Duration kQuickUnplug = 400ms;  // 0.35 to 1.1 s
constexpr Duration kSlowUnplug = 7s;
constexpr Duration kAbort = 600ms;        // from the abort to the end of the migration
constexpr Duration kSwitchOver = 300ms;   // SUSPENDED to the target's RESUMED
constexpr Duration kKeepalive = 27500ms;  // until a daemon gives up a peer that is silent
constexpr Duration kTidyUp = 3s;          // a target whose daemon was restarted lists the VM

}  // namespace

Guest Fleet::guestOf(const std::string& uuid) const {
  const auto found = guests_.find(uuid);
  return found == guests_.end() ? Guest::Quick : found->second;
}

void Fleet::setGuest(const std::string& uuid, Guest guest) {
  guests_[uuid] = guest;
  hosts.setDeaf(uuid, guest != Guest::Quick);
}

Duration Fleet::unplugCallTime(const std::string& uuid) const {
  return guestOf(uuid) == Guest::Quick ? kQuickUnplug : kUnplugCall;
}

Status Fleet::detach(const std::string& host, const std::string& uuid, const std::string& deviceXml,
                     hypervisor::DeviceScope scope) {
  const Status done = hosts.detachDevice(host, uuid, deviceXml, scope);
  if (done && guestOf(uuid) == Guest::Slow) {
    agenda_.in(kSlowUnplug, [this, host, uuid] { hosts.ejectIfRunning(host, uuid); });
  }
  return done;
}

Status Fleet::startMigration(const std::string& host, const hypervisor::MigrationRequest& request) {
  const std::string& uuid = request.uuid;
  const Status begun = hosts.startMigration(host, request);
  const int job = hosts.jobOf(uuid);
  if (!begun || job == 0 || journeys_[uuid].job == job) return begun;
  journeys_[uuid] = {job, clock_.now(), copyTime, nextCopy, std::nullopt};
  nextCopy = Copy::Through;
  if (partitionedUntil_ > clock_.now()) {
    breakLater(uuid, job);
    return begun;
  }
  switch (journeys_[uuid].fate) {
    case Copy::Through:
      arriveSoon(uuid, job, copyTime);
      break;
    case Copy::Stalls:
      agenda_.in(copyTime / 2, [this, uuid, job] {
        if (isCurrent(uuid, job)) journeys_[uuid].frozenAt = 50;
      });
      break;
    case Copy::Fails:
      agenda_.in(copyTime / 2, [this, uuid, job] {
        if (isCurrent(uuid, job)) hosts.failMigration(uuid, test::targetQemuDied());
      });
      break;
    case Copy::CallerLost:
      agenda_.in(copyTime / 2, [this, uuid, job] {
        if (isCurrent(uuid, job)) hosts.loseCaller(uuid);
      });
      arriveSoon(uuid, job, copyTime);
      break;
  }
  return begun;
}

void Fleet::arriveSoon(const std::string& uuid, int job, Duration in) {
  agenda_.in(in, [this, uuid, job] {
    if (isCurrent(uuid, job) && !journeys_[uuid].frozenAt) switchOver(uuid, job);
  });
}

void Fleet::switchOver(const std::string& uuid, int job) {
  if (hosts.away(hosts.targetOfJob(uuid))) return;  // frozen; breaks by itself
  hosts.suspendSource(uuid);
  agenda_.in(kSwitchOver, [this, uuid, job] { finish(uuid, job); });
  agenda_.in(kKeepalive, [this, uuid, job] {
    if (isCurrent(uuid, job)) hosts.failMigration(uuid, test::peerLost());
  });
}

void Fleet::finish(const std::string& uuid, int job) {
  if (!isCurrent(uuid, job)) return;
  const std::string target = hosts.targetOfJob(uuid);
  if (hosts.away(target) || partitionedUntil_ > clock_.now()) return;
  if (hosts.hung(target)) {
    agenda_.in(kSwitchOver, [this, uuid, job] { finish(uuid, job); });
    return;
  }
  hosts.finishMigration(uuid);
}

void Fleet::breakLater(const std::string& uuid, int job) {
  if (!journeys_[uuid].frozenAt) journeys_[uuid].frozenAt = 40;
  agenda_.in(kKeepalive, [this, uuid, job] {
    if (isCurrent(uuid, job)) hosts.failMigration(uuid, test::peerLost());
  });
}

Status Fleet::abort(const std::string& host, const std::string& uuid) {
  const Status done = hosts.abortJob(host, uuid);
  const int job = hosts.jobOf(uuid);
  if (done && job != 0) {
    agenda_.in(kAbort, [this, uuid, job] {
      if (isCurrent(uuid, job) && !hosts.suspended(uuid)) {
        hosts.failMigration(uuid, test::canceledByClient());
      }
    });
  }
  return done;
}

void Fleet::updateProgress(const std::string& uuid) {
  const auto found = journeys_.find(uuid);
  if (found == journeys_.end()) return;
  const Journey& journey = found->second;
  const auto share = (clock_.now() - journey.begun) * 100 / std::max(journey.time, Duration(1));
  hosts.setCopied(uuid, journey.frozenAt.value_or(static_cast<int>(
                            std::min<std::int64_t>(99, static_cast<std::int64_t>(share)))));
}

void Fleet::powerOff(const std::string& host) {
  if (hosts.away(host)) return;
  hosts.powerOff(host);
  for (const auto& [uuid, journey] : journeys_) {
    if (isCurrent(uuid, journey.job) && hosts.targetOfJob(uuid) == host) {
      breakLater(uuid, journey.job);
    }
  }
  agenda_.in(kKeepalive, [this] {
    for (const std::string& other : hosts.hostNames()) hosts.dropOrphans(other);
  });
}

void Fleet::hang(const std::string& host) {
  if (hosts.away(host)) return;
  for (const auto& [uuid, journey] : journeys_) {
    // What becomes of a migration whose source's daemon stops has not been seen.
    if (isCurrent(uuid, journey.job) && hosts.sourceOfJob(uuid) == host) return;
  }
  hosts.setHung(host, true);
  for (const auto& [uuid, journey] : journeys_) {
    const int job = journey.job;
    if (!isCurrent(uuid, job) || hosts.targetOfJob(uuid) != host) continue;
    agenda_.in(kKeepalive, [this, host, uuid = uuid, job] {
      if (isCurrent(uuid, job) && hosts.hung(host)) hosts.failMigration(uuid, test::peerLost());
    });
  }
}

void Fleet::restartDaemon(const std::string& host) {
  hosts.restartDaemon(host);
  agenda_.in(kTidyUp, [this, host] { hosts.dropOrphans(host); });
}

void Fleet::partition(Duration duration) {
  partitionedUntil_ = std::max(partitionedUntil_, clock_.now() + duration);
  for (const auto& [uuid, journey] : journeys_) {
    if (isCurrent(uuid, journey.job)) breakLater(uuid, journey.job);
  }
}

}  // namespace vnic::sim
