// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vm_migration/status.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "api/names.h"
#include "api/text.h"
#include "reconcile/vm_migration/phases.h"
#include "support/time_format.h"

namespace vnic::reconcile::vm_migration {
namespace {

using api::ConditionStatus;
namespace type = api::condition;

// As the CRD bounds them: a status that is too long anywhere is refused as a whole.
constexpr std::size_t kMaxPhaseTimestamps = 100;
constexpr std::size_t kMaxReasons = 64;
constexpr std::size_t kMaxHosts = 500;
constexpr std::size_t kMaxText = 1024;
constexpr std::size_t kMaxConditionMessage = 32768;

struct Writer {
  api::VmMigrationStatus& status;
  std::int64_t generation;
  WallTime now;

  void set(const char* name, ConditionStatus value, std::string reason, std::string message) {
    setCondition(status.conditions,
                 api::Condition{name, value, generation, "", std::move(reason), std::move(message)},
                 now);
  }
};

void enterPhase(api::VmMigrationStatus& status, const std::string& phase, WallTime now) {
  status.phase = phase;
  auto& stamps = status.phaseTimestamps;
  if (!stamps.empty() && stamps.back().phase == phase) return;
  if (stamps.size() == kMaxPhaseTimestamps) stamps.erase(stamps.begin());
  stamps.push_back({phase, formatMicroTime(now)});
}

std::int64_t millisecondsBetween(const std::string& from, const std::string& to) {
  const auto a = parseTime(from), b = parseTime(to);
  if (!a || !b) return 0;
  return std::chrono::duration_cast<std::chrono::milliseconds>(*b - *a).count();
}

// Only what the live XML shows counts; libvirt's return codes do not.
void updateNic(api::NicMigrationStatus& out, const Nic& nic, const std::string& phase,
               WallTime now) {
  if (nic.target) out.targetVf = nic.target->spec.address;
  const bool attached = nic.onSource || nic.onTarget;
  if (!attached && out.detachedAt.empty()) {
    out.detachedAt = formatMicroTime(now);
    out.attachedAt.clear();
    out.withoutVfMilliseconds.reset();
  }
  if (attached && !out.detachedAt.empty() && out.attachedAt.empty()) {
    out.attachedAt = formatMicroTime(now);
    out.withoutVfMilliseconds = millisecondsBetween(out.detachedAt, out.attachedAt);
  }
  if (attached) {
    out.message.clear();
    out.state = phase == kDetaching ? "Detaching" : "Attached";
  } else {
    out.state = phase == kAttaching ? "Attaching" : "Detached";
  }
}

void updateNics(api::VmMigrationStatus& status, const Observation& o, const Plan& plan) {
  if (status.targetHost.empty() || o.migration->status.targetHost.empty()) return;
  // While neither host shows the VM, nothing is known of its NICs.
  if (!o.source.live && !o.target.live) return;
  for (auto& out : status.nics) {
    const auto nic =
        std::find_if(o.nics.begin(), o.nics.end(), [&](const Nic& n) { return n.mac == out.mac; });
    if (nic == o.nics.end()) continue;
    updateNic(out, *nic, plan.phase, o.now);
    if (plan.end && !nic->onSource && !nic->onTarget) out.state = "Missing";
  }
}

void updateProgress(api::VmMigrationStatus& status, const Observation& o) {
  if (o.downtimeMilliseconds) status.downtimeMilliseconds = o.downtimeMilliseconds;
  const bool arrived = whereabouts(o) == Whereabouts::OnTarget;
  if (arrived && status.progress) status.progress->percent = 100;
  if (!o.job || !o.job->active || o.job->dataTotalBytes <= 0) return;
  api::MigrationProgress progress;
  progress.dataTotalBytes = o.job->dataTotalBytes;
  progress.dataProcessedBytes = o.job->dataProcessedBytes;
  progress.dataRemainingBytes = o.job->dataRemainingBytes;
  progress.iteration = o.job->iteration;
  // Pages are sent again as the guest dirties them, so what remains is the honest measure.
  progress.percent = static_cast<int>(std::clamp<std::int64_t>(
      100 - o.job->dataRemainingBytes * 100 / o.job->dataTotalBytes, 0, 99));
  status.progress = progress;
}

void setRunningConditions(Writer w, const Observation& o, const Plan& plan) {
  w.set(type::kReady, ConditionStatus::False, plan.reason, plan.message);
  w.set(type::kSucceeded, ConditionStatus::Unknown, plan.reason, plan.message);
  w.set(type::kReconciling, ConditionStatus::True, plan.reason, plan.message);
  const auto step = [&](const char* name, bool done, const char* yes, const char* no) {
    w.set(name, done ? ConditionStatus::True : ConditionStatus::False, done ? yes : no, "");
  };
  const auto all = [&](auto predicate) {
    return !w.status.targetHost.empty() && std::all_of(o.nics.begin(), o.nics.end(), predicate);
  };
  const bool onTarget = !w.status.targetHost.empty() && !o.migration->status.targetHost.empty() &&
                        whereabouts(o) == Whereabouts::OnTarget;
  step(type::kVfsReserved, all([](const Nic& n) { return n.target != nullptr; }), "Reserved",
       "NotReserved");
  step(type::kVfsDetached, onTarget || all([](const Nic& n) { return !n.onSource && !n.onTarget; }),
       "Detached", "InGuest");
  step(type::kMigrated, onTarget, "RunsOnTarget", "NotYet");
  step(type::kVfsAttached, onTarget && all([](const Nic& n) { return n.onTarget.has_value(); }),
       "Attached", "NotYet");
}

// Whenever one migration ends, the places of all that wait move; telling each of many every time
// would be more requests than the migrations themselves. Near the front the place is exact.
std::optional<api::QueueStatus> placeToTell(const std::optional<api::QueueStatus>& told,
                                            const std::optional<api::QueueStatus>& now) {
  constexpr int kExact = 10;
  if (!told || !now || told->reason != now->reason || now->position <= kExact) return now;
  return std::abs(now->position - told->position) * 10 < told->position ? told : now;
}

void boundReasons(std::vector<std::string>& reasons) {
  if (reasons.size() > kMaxReasons) reasons.resize(kMaxReasons);
  for (auto& reason : reasons) reason = api::bounded(reason, kMaxText);
}

void bound(api::VmMigrationStatus& status) {
  for (auto& c : status.conditions) c.message = api::bounded(c.message, kMaxConditionMessage);
  if (status.attempt) status.attempt->message = api::bounded(status.attempt->message, kMaxText);
  if (!status.preflight) return;
  boundReasons(status.preflight->reasons);
  boundReasons(status.preflight->warnings);
  if (status.preflight->hosts.size() > kMaxHosts) status.preflight->hosts.resize(kMaxHosts);
  for (auto& host : status.preflight->hosts) {
    boundReasons(host.reasons);
    boundReasons(host.warnings);
  }
}

}  // namespace

void noteFailure(api::NicMigrationStatus& nic, const std::string& message) {
  nic.message = api::bounded(message, kMaxText);
}

const char* phaseOf(EndState state) {
  switch (state) {
    case EndState::Succeeded:
      return kSucceeded;
    case EndState::Degraded:
      return kDegraded;
    case EndState::Failed:
      return kFailed;
    case EndState::Cancelled:
      return kCancelled;
  }
  return kFailed;
}

void setEndConditions(api::VmMigrationStatus& status, const End& end, std::int64_t generation,
                      WallTime now) {
  Writer w{status, generation, now};
  const bool good = end.state == EndState::Succeeded;
  const bool degraded = end.state == EndState::Degraded;
  w.set(type::kReady, good ? ConditionStatus::True : ConditionStatus::False, end.reason,
        end.message);
  w.set(type::kSucceeded,
        good       ? ConditionStatus::True
        : degraded ? ConditionStatus::Unknown
                   : ConditionStatus::False,
        end.reason, end.message);
  removeCondition(status.conditions, type::kReconciling);
  removeCondition(status.conditions, type::kStalled);
  if (degraded) w.set(type::kReconciling, ConditionStatus::True, end.reason, end.message);
  if (!good && !degraded) w.set(type::kStalled, ConditionStatus::True, end.reason, end.message);
}

api::VmMigrationStatus buildStatus(const Observation& o, const Plan& plan) {
  api::VmMigrationStatus status = plan.decision ? *plan.decision : o.migration->status;
  const std::int64_t generation = o.migration->metadata.generation;
  status.observedGeneration = generation;
  status.queue = placeToTell(status.queue, plan.queue);
  if (plan.preflight) status.preflight = plan.preflight;
  // It may have claimed the VM and ended before a target was stored: the end gives the claim back.
  if (plan.end && status.vmUUID.empty() && !o.sightings.empty()) {
    status.vmUUID = o.sightings.front().domain.uuid;
  }
  updateNics(status, o, plan);
  updateProgress(status, o);
  if (!plan.end || !plan.phase.empty()) {
    setRunningConditions({status, generation, o.now}, o, plan);
  }
  if (plan.end) {
    enterPhase(status, phaseOf(plan.end->state), o.now);
    setEndConditions(status, *plan.end, generation, o.now);
  } else {
    enterPhase(status, plan.phase, o.now);
  }
  bound(status);
  return status;
}

}  // namespace vnic::reconcile::vm_migration
