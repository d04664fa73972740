// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>

#include "api/names.h"
#include "reconcile/vm_migration/phases.h"
#include "reconcile/vm_migration/steps.h"
#include "support/time_format.h"

namespace vnic::reconcile::vm_migration {
namespace {

using namespace std::chrono_literals;

// Events of hosts and objects wake a waiting migration; this is for what sends none.
constexpr Duration kLookAgain = 10s;

Plan finish(EndState state, std::string reason, std::string message) {
  Plan plan;
  plan.end = End{state, std::move(reason), std::move(message)};
  return plan;
}

Plan wait(std::string reason, std::string message) {
  Plan plan;
  plan.phase = kPending;
  plan.reason = std::move(reason);
  plan.message = std::move(message);
  plan.requeueAfter = kLookAgain;
  return plan;
}

Plan waitAsBefore(const Observation& o) {
  const auto* ready = api::findCondition(o.migration->status.conditions, api::condition::kReady);
  Plan plan = wait(ready->reason, ready->message);
  plan.queue = api::QueueStatus{o.queuedBefore + 1, plan.reason};
  return plan;
}

std::vector<const Sighting*> running(const Observation& o) {
  std::vector<const Sighting*> out;
  for (const Sighting& s : o.sightings) {
    if (s.active) out.push_back(&s);
  }
  return out;
}

Plan notFound(const Observation& o) {
  const auto& spec = o.migration->spec;
  if (!o.unknownHosts.empty()) {
    return wait("HostUnknown", fmt::format("VM {} is on no host that answers; no answer from {}",
                                           spec.vmName, fmt::join(o.unknownHosts, ", ")));
  }
  if (!o.sightings.empty()) {
    return finish(EndState::Failed, "VmNotRunning",
                  fmt::format("VM {} is shut off on {}; start it, then create a new VmMigration",
                              spec.vmName, o.sightings.front().host));
  }
  if (!o.foreign.empty()) {
    return finish(
        EndState::Failed, "VmNotInNamespace",
        fmt::format("VM {} on {} belongs to another namespace than {}; create the VmMigration in "
                    "the VM's namespace (metadata element vnic:vm of the domain)",
                    spec.vmName, o.foreign.front().host, o.migration->metadata.ns));
  }
  return finish(
      EndState::Failed, "VmNotFound",
      fmt::format("no host has a VM {} of namespace {}", spec.vmName, o.migration->metadata.ns));
}

api::NicMigrationStatus nicStatus(const Nic& nic) {
  api::NicMigrationStatus out;
  out.vnic = nic.vnic->metadata.name;
  out.mac = nic.mac;
  out.profile = nic.vnic->spec.profile;
  if (nic.onSource) out.sourceVf = nic.onSource->str();
  out.state = "Attached";
  return out;
}

Plan decide(const Observation& o, const Sighting& source, const PreflightResult& result) {
  api::VmMigrationStatus status = o.migration->status;
  status.vmUUID = source.domain.uuid;
  status.sourceHost = source.host;
  status.targetHost = result.chosen->name();
  status.nics.clear();
  for (const Nic& nic : o.nics) status.nics.push_back(nicStatus(nic));
  api::MigrationAttempt attempt;
  attempt.number = status.attempts + 1;
  attempt.direction = kForward;
  attempt.restoreAutostart = source.domain.autostart;
  status.attempts = attempt.number;
  status.attempt = attempt;
  status.progress.reset();

  Plan plan;
  plan.phase = kReserving;
  plan.reason = "TargetChosen";
  plan.message = fmt::format("{} moves from {} to {}", o.migration->spec.vmName, source.host,
                             result.chosen->name());
  plan.decision = std::move(status);
  plan.requeueAfter = Duration::zero();
  return plan;
}

Plan report(const PreflightResult& result) {
  Plan plan =
      result.fits()
          ? finish(EndState::Succeeded, "WouldSucceed",
                   fmt::format("dry run: would move to {}", result.chosen->name()))
          : finish(EndState::Succeeded, "WouldFail", fmt::format("dry run: {}", result.summary()));
  return plan;
}

}  // namespace

Plan planPending(const Observation& o) {
  const auto& spec = o.migration->spec;
  if (cancelWanted(*o.migration)) {
    return finish(EndState::Cancelled, "Cancelled", "cancelled before anything was touched");
  }
  if (o.outOfTurn) return waitAsBefore(o);
  const auto where = running(o);
  if (where.empty()) return notFound(o);
  if (where.size() > 1) {
    const bool same = where[0]->domain.uuid == where[1]->domain.uuid;
    return wait(same ? "RunningTwice" : "VmAmbiguous",
                fmt::format("{} runs on {} and {}; nothing is done until one of them is stopped",
                            same ? "VM " + spec.vmName : "a VM " + spec.vmName, where[0]->host,
                            where[1]->host));
  }
  const Sighting& source = *where.front();
  if (source.host == spec.targetHostName) {
    return finish(EndState::Succeeded, "AlreadyOnTarget",
                  fmt::format("{} runs on {} already", spec.vmName, source.host));
  }
  const PreflightResult result = preflight(o, source);
  Plan plan;
  if (spec.mode == "DryRun") {
    plan = report(result);
  } else if (!o.claimedBy.empty()) {
    plan = wait("VmBusy", fmt::format("{} works on the VM", o.claimedBy));
  } else if (result.fits()) {
    plan = decide(o, source, result);
  } else if (result.refused()) {
    plan = finish(EndState::Failed, result.firstReason(), result.summary());
  } else {
    plan = wait(result.firstReason(), result.summary());
  }
  plan.preflight = result.report(o);
  // Every later write of the status would carry the hosts that it does not go to, and all caches.
  if (plan.decision) {
    std::erase_if(plan.preflight->hosts, [&](const api::HostPreflight& host) {
      return host.name != plan.decision->targetHost;
    });
  }
  if (plan.phase == kPending) plan.queue = api::QueueStatus{o.queuedBefore + 1, plan.reason};
  return plan;
}

}  // namespace vnic::reconcile::vm_migration
