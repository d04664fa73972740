// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "api/names.h"
#include "domain/matching.h"
#include "reconcile/vm_migration/phases.h"
#include "reconcile/vm_migration/steps.h"
#include "support/time_format.h"

namespace vnic::reconcile::vm_migration {
namespace {

using namespace std::chrono_literals;

constexpr Duration kPollCopy = 1s;  // progress of a running copy
// A VF that something else still holds keeps a migration no longer than this.
constexpr Duration kReserveLimit = 60s;
// A target that falls silent before the copy is waited for no longer than this.
constexpr Duration kTargetSilence = 30s;
constexpr Duration kPollDetach = 300ms;
// So long a VF waits in the guest for the node agent to pin the standby's path.
constexpr Duration kPinLimit = 3s;
// QEMU refuses to ask again while the guest's 5 s for an answer run.
constexpr Duration kAskAgain = 6s;
constexpr Duration kPollUndecided = 1s;

Plan step(const char* phase, std::string reason, std::string message, Duration again) {
  Plan plan;
  plan.phase = phase;
  plan.reason = std::move(reason);
  plan.message = std::move(message);
  plan.requeueAfter = again;
  return plan;
}

bool isTargetClaim(const Observation& o, const Nic& nic) {
  return nic.target && nic.target->spec.purpose == api::purpose::kTarget &&
         nic.target->spec.migration && nic.target->spec.migration->uid == o.migration->metadata.uid;
}

Plan reserve(const Observation& o) {
  if (o.now - phaseSince(o, kReserving) > kReserveLimit) {
    return turnBack(
        o, kReserving, "ReserveTimeout",
        fmt::format("the VFs could not be reserved within {} s",
                    std::chrono::duration_cast<std::chrono::seconds>(kReserveLimit).count()));
  }
  Plan plan = step(kReserving, "Reserving", "VFs are being reserved", Duration::zero());
  for (std::size_t i = 0; i < o.nics.size(); ++i) {
    const auto& held = o.nics[i].source;
    if (!held || held->spec.purpose != api::purpose::kReturn) {
      plan.effects.push_back(ReserveSource{i});
    }
  }
  if (!plan.effects.empty()) return plan;  // the way back first, then the target

  std::vector<std::string> networks;
  std::vector<std::size_t> nics;
  for (std::size_t i = 0; i < o.nics.size(); ++i) {
    if (isTargetClaim(o, o.nics[i])) continue;
    networks.push_back(o.nics[i].profile ? o.nics[i].profile->spec.network : "");
    nics.push_back(i);
  }
  const auto supply =
      o.targetInventory ? domain::freeSupply(*o.targetInventory) : std::vector<domain::VfSupply>{};
  const auto found = domain::matchVfs(networks, supply);
  for (std::size_t i = 0; i < nics.size(); ++i) {
    if (!found[i]) {
      return turnBack(
          o, kReserving, "NoFreeVf",
          fmt::format("{} has no free VF any more for every NIC", o.migration->status.targetHost));
    }
    plan.effects.push_back(ReserveTarget{nics[i], *found[i]});
  }
  // Two migrations that claim several VFs at once must not wait for each other.
  std::sort(plan.effects.begin(), plan.effects.end(), [](const Effect& a, const Effect& b) {
    return std::get<ReserveTarget>(a).vf < std::get<ReserveTarget>(b).vf;
  });
  return plan;
}

// A VF of ours that somebody outside took, or that vanished, since it was reserved.
bool targetVfLost(const Observation& o, const Nic& nic) {
  const auto vf = PciAddress::parse(nic.target->spec.address);
  if (!vf || !o.targetInventory || o.targetInventory->physicalFunctions.empty()) return false;
  const domain::VfEntry* entry = o.targetInventory->find(*vf);
  return entry == nullptr || !entry->liveUser.empty();
}

bool reserved(const Observation& o) {
  return std::all_of(o.nics.begin(), o.nics.end(), [&o](const Nic& nic) {
    return nic.source && nic.source->spec.purpose == api::purpose::kReturn && isTargetClaim(o, nic);
  });
}

Plan detach(const Observation& o) {
  const auto& policy = o.migration->spec.policy;
  const Duration waited = o.now - phaseSince(o, kDetaching);
  if (o.sourceAgentAlive && waited < kPinLimit &&
      std::any_of(o.nics.begin(), o.nics.end(), awaitsPin)) {
    return step(kDetaching, "PinningStandby",
                fmt::format("the node agent on {} opens the way through the standby",
                            o.migration->status.sourceHost),
                kPollDetach);
  }
  Plan plan = step(kDetaching, "Detaching", "VFs leave the guest", kPollDetach);
  std::string waiting;
  for (std::size_t i = 0; i < o.nics.size(); ++i) {
    if (!o.nics[i].onSource) continue;
    const auto& asked = o.nics[i].memory.unplugAskedAt;
    if (!asked || o.now - *asked >= kAskAgain) {
      plan.effects.push_back(Detach{i, *o.nics[i].onSource, whyNotPinned(o, o.nics[i])});
    }
    waiting += (waiting.empty() ? "" : ", ") + o.nics[i].mac;
  }
  if (waited > std::chrono::seconds(policy.unplugTimeoutSeconds)) {
    return turnBack(o, kDetaching, "UnplugTimeout",
                    fmt::format("the guest did not let go of {} within {} s", waiting,
                                policy.unplugTimeoutSeconds));
  }
  return plan;
}

Plan startCopy(const Observation& o) {
  Plan plan = step(kMigrating, "Copying", "memory is being copied", kPollCopy);
  plan.decision = o.migration->status;
  plan.decision->attempt->copyRequestedAt = formatMicroTime(o.now);
  plan.effects.push_back(StartCopy{});
  return plan;
}

Plan arrived(const Observation& o) {
  const auto& status = o.migration->status;
  const auto& policy = o.migration->spec.policy;
  if (auto missing = attachMissing(o, true); !missing.empty()) {
    const bool late =
        o.now - phaseSince(o, kAttaching) > std::chrono::seconds(policy.attachTimeoutSeconds);
    if (!late) {
      Plan plan = step(kAttaching, "Attaching", "VFs are plugged into the guest", kRetryAttach);
      plan.effects = std::move(missing);
      return plan;
    }
  }
  Plan plan = step(kAttaching, "Settling", "reservations are brought up to date", Duration::zero());
  plan.effects = settle(o, true);
  if (!plan.effects.empty()) return plan;
  const std::string missing = missingNics(o, true);
  plan.end = missing.empty()
                 ? End{EndState::Succeeded, "Migrated",
                       fmt::format("{} runs on {} with its VFs", o.migration->spec.vmName,
                                   status.targetHost)}
                 : End{EndState::Degraded, "NicsMissing",
                       fmt::format("{} runs on {} without {}; the Vnics go on trying",
                                   o.migration->spec.vmName, status.targetHost, missing)};
  return plan;
}

Plan targetSilent(const Observation& o) {
  const bool detaching = std::any_of(o.nics.begin(), o.nics.end(),
                                     [](const Nic& nic) { return !nic.onSource.has_value(); });
  const char* phase = detaching ? kDetaching : kReserving;
  const std::string& host = o.migration->status.targetHost;
  if (o.now - phaseSince(o, phase) > kTargetSilence) {
    return turnBack(o, phase, "TargetUnknown", fmt::format("{} does not answer", host));
  }
  return step(phase, "HostUnknown",
              o.target.unknown() ? o.target.error : host + " still has a paused copy of the VM",
              kPollUndecided);
}

Plan beforeCopy(const Observation& o) {
  if (cancelWanted(*o.migration)) {
    return turnBack(o, kReserving, "Cancelled", "cancelled before the copy");
  }
  switch (whereabouts(o)) {
    case Whereabouts::OnSource:
      break;
    case Whereabouts::OnSourceForNow:
      return targetSilent(o);
    case Whereabouts::OnTarget:  // somebody else moved it there
      return arrived(o);
    case Whereabouts::Copying:
      return step(kReserving, "ForeignMigration", "somebody else's migration of the VM runs",
                  kPollUndecided);
    case Whereabouts::Twice:
      return step(kReserving, "RunningTwice", "the VM runs on source and target; nothing is done",
                  kPollUndecided);
    case Whereabouts::Gone:
    case Whereabouts::SourcePaused:
      return turnBack(o, kReserving, "VmNotRunning", "the VM stopped running");
    case Whereabouts::Undecided:
      return step(kReserving, "HostUnknown", o.source.unknown() ? o.source.error : o.target.error,
                  kPollUndecided);
  }
  for (const Nic& nic : o.nics) {
    if (nic.vnic) continue;
    return turnBack(o, kReserving, "NicNotDescribed",
                    fmt::format("the Vnic of {} was deleted", nic.mac));
  }
  if (!reserved(o)) return reserve(o);
  if (o.source.domain.autostart) {
    Plan plan = step(kReserving, "Reserving", "autostart is switched off", Duration::zero());
    plan.effects.push_back(SetAutostart{o.migration->status.sourceHost, false});
    return plan;
  }
  const bool attached = std::any_of(o.nics.begin(), o.nics.end(),
                                    [](const Nic& nic) { return nic.onSource.has_value(); });
  if (!attached) return startCopy(o);
  const bool untouched = std::all_of(o.nics.begin(), o.nics.end(),
                                     [](const Nic& nic) { return nic.onSource.has_value(); });
  for (const Nic& nic : o.nics) {
    if (!untouched || !targetVfLost(o, nic)) continue;
    return turnBack(o, kReserving, "NoFreeVf",
                    fmt::format("VF {} of {} is not free any more", nic.target->spec.address,
                                o.migration->status.targetHost));
  }
  return detach(o);
}

std::optional<Plan> copyOverdue(const Observation& o) {
  const auto& policy = o.migration->spec.policy;
  const auto began = parseTime(o.migration->status.attempt->copyRequestedAt).value_or(o.now);
  const std::int64_t memoryKiB = o.source.live ? o.source.live->memoryKiB : 0;
  const std::int64_t gib = std::max<std::int64_t>(1, (memoryKiB + (1 << 20) - 1) >> 20);
  const std::chrono::seconds limit(gib * policy.completionTimeoutSecondsPerGiB);
  const std::chrono::seconds stall(policy.progressTimeoutSeconds);
  if (o.withoutProgress > stall) {
    return turnBack(o, kMigrating, "ProgressTimeout",
                    fmt::format("no data of the copy moved for {} s", stall.count()));
  }
  if (o.now - began <= limit) return std::nullopt;
  return turnBack(o, kMigrating, "CompletionTimeout",
                  fmt::format("the copy did not complete within {} s", limit.count()));
}

Plan copying(const Observation& o) {
  if (cancelWanted(*o.migration)) {
    return turnBack(o, kMigrating, "Cancelled", "cancelled during the copy");
  }
  if (auto overdue = copyOverdue(o)) return *overdue;
  return step(kMigrating, "Copying", "memory is being copied", kPollCopy);
}

std::string outcomeText(const Observation& o) {
  if (o.outcome && o.outcome->error) return o.outcome->error->message;
  return "nothing migrates the VM any more";
}

Plan afterCopyRequest(const Observation& o) {
  switch (whereabouts(o)) {
    case Whereabouts::Copying:
      return copying(o);
    case Whereabouts::OnTarget:
      return arrived(o);
    case Whereabouts::OnSource:
    case Whereabouts::OnSourceForNow:
      return turnBack(o, kMigrating, "CopyFailed", outcomeText(o));
    case Whereabouts::SourcePaused: {
      Plan plan = step(kMigrating, "Resuming", "the source is resumed, the target has no such VM",
                       kPollUndecided);
      plan.effects.push_back(ResumeSource{});
      return plan;
    }
    case Whereabouts::Twice: {
      Plan plan = step(kMigrating, "VoidCopy",
                       "the target's copy came to life after the source was resumed; it is void",
                       kPollUndecided);
      plan.effects.push_back(DestroyVoidCopy{});
      return plan;
    }
    case Whereabouts::Gone:
      return turnBack(o, kMigrating, "VmLost",
                      "the VM runs neither on the source nor on the target: " + outcomeText(o));
    case Whereabouts::Undecided:
      break;
  }
  return step(kMigrating, "HostUnknown",
              fmt::format("waiting for an answer: {}",
                          o.target.unknown() ? o.target.error : o.source.error),
              kPollUndecided);
}

}  // namespace

Plan planForward(const Observation& o) {
  return o.migration->status.attempt->copyRequestedAt.empty() ? beforeCopy(o) : afterCopyRequest(o);
}

}  // namespace vnic::reconcile::vm_migration
