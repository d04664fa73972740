// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vm_migration/reconciler.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "api/names.h"
#include "kube/typed.h"
#include "reconcile/paused.h"
#include "reconcile/take_vm.h"
#include "reconcile/vm_migration/phases.h"
#include "reconcile/vm_migration/status.h"
#include "reconcile/vm_migration/steps.h"

namespace vnic::reconcile::vm_migration {
namespace {

using namespace std::chrono_literals;

// A watch event follows a write within milliseconds.
constexpr Duration kCacheCatchUp = 20ms;
constexpr Duration kRetry = 1s;

bool ended(const api::VmMigration& m) {
  const std::string& phase = m.status.phase;
  return phase == kSucceeded || phase == kDegraded || phase == kFailed || phase == kCancelled;
}

// Whoever takes VFs without asking us is seen only on the host itself: before they are reserved,
// and before the first one leaves the guest.
bool needsFreshTarget(const Plan& plan) {
  return std::any_of(plan.effects.begin(), plan.effects.end(), [](const Effect& effect) {
    return std::holds_alternative<ReserveTarget>(effect) || std::holds_alternative<Detach>(effect);
  });
}

void noteFailures(api::VmMigrationStatus& status, const std::vector<EffectFailure>& failures) {
  for (const EffectFailure& failure : failures) {
    if (failure.nic && *failure.nic < status.nics.size()) {
      noteFailure(status.nics[*failure.nic], failure.error.message);
    }
  }
}

}  // namespace

VmMigrationReconciler::VmMigrationReconciler(Ports ports, Observer observer,
                                             MigrationMetrics& metrics, Logger log)
    : ports_(std::move(ports)),
      observer_(std::move(observer)),
      metrics_(metrics),
      log_(std::move(log)) {}

Result<Done> VmMigrationReconciler::reconcile(const api::ObjectKey& key, std::stop_token) {
  Migration migration = ports_.migrations.get(key);
  if (!migration) return Done{};
  if (isPaused(migration->metadata)) {
    if (auto told = tellPaused(ports_.client, *migration, ports_.clock.wall()); !told) {
      return fail(told.error());
    }
    return Done{};
  }
  if (migration->finished() && migration->status.phase.empty()) return restore(migration);
  if (ended(*migration)) return conclude(migration);
  if (migration->metadata.deleting() && !migration->metadata.hasFinalizer(api::kFinalizer)) {
    return Done{};
  }
  auto prepared = prepare(migration);
  if (!prepared) return fail(prepared.error());
  return advance(*prepared);
}

Result<VmMigrationReconciler::Migration> VmMigrationReconciler::prepare(Migration migration) {
  // Before the first side effect, so that a deletion always finds its way through us.
  if (migration->metadata.hasFinalizer(api::kFinalizer)) return migration;
  auto updated = kube::addFinalizer(ports_.client, *migration);
  if (!updated) return fail(updated.error());
  return std::make_shared<const api::VmMigration>(std::move(*updated));
}

Result<Done> VmMigrationReconciler::advance(Migration migration) {
  Observation o = observer_.observe(migration, recall(*migration));
  o.withoutProgress = withoutProgress(o);
  Plan plan = vm_migration::plan(o);
  const bool concludes = plan.end && migration->status.targetHost.empty();
  if (concludes && (!cancelWanted(*migration) || o.sightings.empty())) {
    // What hosts said up to half a minute ago is not enough to refuse for good: the VM may have
    // been defined, or started, since. And whoever ends gives back his claim of it.
    observer_.refreshAll();
    o = observer_.observe(migration);
    if (migration->spec.mode == "DryRun") observer_.examine(o, Observer::Ask::All);
    plan = vm_migration::plan(o);
  }
  if (needsFreshTarget(plan)) {
    observer_.refresh(migration->status.targetHost);
    o = observer_.observe(migration, recall(*migration));
    plan = vm_migration::plan(o);
  }
  const bool choosesTarget = plan.decision && migration->status.targetHost.empty();
  if (choosesTarget) return commitTarget(migration);

  api::VmMigrationStatus status = buildStatus(o, plan);
  if (plan.decision) {
    auto stored = writeStatus(migration, status);
    if (!stored) return fail(stored.error());
    migration = *stored;
    o.migration = migration;
    carryOut(
        {ports_.client, ports_.hypervisor, ports_.events, ports_.leaseTimeLeft}, o, plan.effects,
        log_.with({{"namespace", migration->metadata.ns}, {"name", migration->metadata.name}}));
    return Done{plan.requeueAfter};
  }
  const auto failures = carryOut(
      {ports_.client, ports_.hypervisor, ports_.events, ports_.leaseTimeLeft}, o, plan.effects,
      log_.with({{"namespace", migration->metadata.ns}, {"name", migration->metadata.name}}));
  remember(o, plan.effects, failures);
  noteFailures(status, failures);
  auto written = writeStatus(migration, status);
  if (!written) return fail(written.error());
  if (plan.end) return Done{Duration::zero()};
  if (!failures.empty()) return Done{std::max(plan.requeueAfter.value_or(kRetry), kRetry)};
  return Done{plan.requeueAfter};
}

// The target is chosen from facts that are up to half a minute old; so its two hosts are read anew,
// the VM is claimed, and the plan has to come out the same, before it is stored.
Result<Done> VmMigrationReconciler::commitTarget(const Migration& migration) {
  const std::lock_guard lock(decisionMutex_);
  if (!lastDecision_.name.empty() && !ports_.caughtUp(lastDecision_)) return Done{kCacheCatchUp};
  Observation o = observer_.observe(migration);
  Plan plan = vm_migration::plan(o);
  if (plan.decision) {
    observer_.refresh(plan.decision->sourceHost);
    observer_.refresh(plan.decision->targetHost);
    o = observer_.observe(migration);
    observer_.examine(o, Observer::Ask::UntilOneFits);
    plan = vm_migration::plan(o);
  }
  if (plan.decision) {
    const api::ObjectMeta& meta = migration->metadata;
    auto holder = takeVm(ports_.client, ports_.claims, meta.ns, meta.uid, plan.decision->vmUUID);
    if (!holder) return fail(holder.error());
    if (*holder != meta.uid) {
      o.claimedBy = "the object with uid " + *holder;
      plan = vm_migration::plan(o);
    }
  }
  auto written = writeStatus(migration, buildStatus(o, plan));
  if (!written) return fail(written.error());
  if (plan.decision) lastDecision_ = migration->metadata.key();
  return Done{plan.end ? Duration::zero() : plan.requeueAfter};
}

Result<VmMigrationReconciler::Migration> VmMigrationReconciler::writeStatus(
    const Migration& migration, const api::VmMigrationStatus& status) {
  if (status == migration->status) return migration;
  auto answer =
      kube::applyStatus<api::VmMigration>(ports_.client, migration->metadata, toJson(status));
  if (!answer) return fail(answer.error());
  auto updated = std::make_shared<const api::VmMigration>(std::move(*answer));
  tellPhase(*migration, *updated);
  return Migration(updated);
}

void VmMigrationReconciler::tellPhase(const api::VmMigration& before,
                                      const api::VmMigration& after) {
  if (before.status.phase == after.status.phase) return;
  const api::Condition* ready = findCondition(after.status.conditions, api::condition::kReady);
  const std::string note = ready ? ready->message : after.status.phase;
  const bool bad = after.status.phase == kFailed || after.status.phase == kDegraded;
  ports_.events.record({runtime::eventObject(after),
                        bad ? runtime::EventType::Warning : runtime::EventType::Normal,
                        after.status.phase, "Migrate", note, std::nullopt});
  log_.info("Phase changed", {{"namespace", after.metadata.ns},
                              {"name", after.metadata.name},
                              {"from", before.status.phase},
                              {"to", after.status.phase},
                              {"reason", ready ? ready->reason : ""},
                              {"message", note}});
  if (ended(after) && !ended(before)) metrics_.ended(after.status);
}

NicMemories VmMigrationReconciler::recall(const api::VmMigration& migration) {
  const std::lock_guard lock(memoryMutex_);
  const auto found = memories_.find(migration.metadata.uid);
  return found == memories_.end() ? NicMemories() : found->second.nics;
}

void VmMigrationReconciler::remember(const Observation& o, const std::vector<Effect>& effects,
                                     const std::vector<EffectFailure>& failures) {
  const std::lock_guard lock(memoryMutex_);
  NicMemories& nics = memories_[o.migration->metadata.uid].nics;
  for (const Effect& effect : effects) {
    const auto* detach = std::get_if<Detach>(&effect);
    if (detach != nullptr) nics[o.nics.at(detach->nic).mac].unplugAskedAt = ports_.clock.wall();
  }
  for (const EffectFailure& failure : failures) {
    if (failure.refusedVf.empty() || !failure.nic) continue;
    nics[o.nics.at(*failure.nic).mac].refusedVfs.insert(failure.refusedVf);
  }
}

void VmMigrationReconciler::forget(const api::VmMigration& migration) {
  const std::lock_guard lock(memoryMutex_);
  memories_.erase(migration.metadata.uid);
}

Duration VmMigrationReconciler::withoutProgress(const Observation& o) {
  const std::lock_guard lock(memoryMutex_);
  std::optional<Progress>& progress = memories_[o.migration->metadata.uid].progress;
  if (!o.job || !o.job->active) {
    progress.reset();
    return Duration::zero();
  }
  if (!progress || progress->processedBytes != o.job->dataProcessedBytes) {
    progress = Progress{o.job->dataProcessedBytes, o.now};
  }
  return o.now - progress->movedAt;
}

}  // namespace vnic::reconcile::vm_migration
