// SPDX-License-Identifier: Apache-2.0
// What a migration does once it has ended.
#include <algorithm>
#include <chrono>

#include "api/names.h"
#include "kube/typed.h"
#include "reconcile/take_vm.h"
#include "reconcile/vm_migration/phases.h"
#include "reconcile/vm_migration/reconciler.h"
#include "reconcile/vm_migration/status.h"
#include "support/time_format.h"

namespace vnic::reconcile::vm_migration {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLookAtDegraded = 10s;

}  // namespace

// The annotation first, because it is what keeps an object that is restored without its status from
// being run again; then the claim; the finalizer last.
Result<Done> VmMigrationReconciler::conclude(Migration migration) {
  const auto annotation = migration->metadata.annotations.find(api::kFinishedAnnotation);
  if (annotation == migration->metadata.annotations.end() ||
      annotation->second != migration->status.phase) {
    auto updated = kube::setAnnotation(ports_.client, *migration, api::kFinishedAnnotation,
                                       migration->status.phase);
    if (!updated) return fail(updated.error());
    migration = std::make_shared<const api::VmMigration>(std::move(*updated));
  }
  forget(*migration);
  if (migration->metadata.hasFinalizer(api::kFinalizer)) {
    const std::string& uuid = migration->status.vmUUID;
    if (!uuid.empty()) {
      ports_.hypervisor.forgetMigration(migration->status.sourceHost, uuid);
      if (auto done = ports_.claims.release(claimName(uuid), migration->metadata.uid); !done) {
        return fail(done.error());
      }
    }
    if (auto done = kube::removeFinalizer(ports_.client, *migration); !done) {
      return fail(done.error());
    }
    return Done{Duration::zero()};
  }
  if (migration->metadata.deleting()) return Done{};
  if (migration->status.observedGeneration != migration->metadata.generation) {
    // cancel and ttlSecondsAfterFinished may change after the end; cancel has no meaning any more.
    api::VmMigrationStatus status = migration->status;
    status.observedGeneration = migration->metadata.generation;
    auto written = writeStatus(migration, status);
    if (!written) return fail(written.error());
    migration = *written;
  }
  if (migration->status.phase == kDegraded) return watchDegraded(migration);
  return expire(migration);
}

// The Vnics go on trying; when they have all come through, so has the migration. The VM may have
// moved on meanwhile, and a Vnic may not be wanted any more.
Result<Done> VmMigrationReconciler::watchDegraded(const Migration& migration) {
  api::VmMigrationStatus status = migration->status;
  for (auto& nic : status.nics) {
    const auto vnic = ports_.vnics.get({migration->metadata.ns, nic.vnic});
    if (!vnic || vnic->spec.desiredState == "Detached") continue;
    const std::string& host = vnic->status.host;
    // What the Vnic says of another host may be from before the move.
    if (!isTrue(vnic->status.conditions, api::condition::kAttached) ||
        (host != status.targetHost && !runsOn(host, status.vmUUID))) {
      return Done{kLookAtDegraded};
    }
    nic.state = "Attached";
    if (host == status.targetHost) nic.targetVf = vnic->status.vf;
    nic.message.clear();
  }
  const WallTime now = ports_.clock.wall();
  status.phase = kSucceeded;
  status.phaseTimestamps.push_back({kSucceeded, formatMicroTime(now)});
  setEndConditions(status, {EndState::Succeeded, "Healed", "all NICs have their VFs again"},
                   migration->metadata.generation, now);
  setCondition(status.conditions,
               {api::condition::kVfsAttached, api::ConditionStatus::True,
                migration->metadata.generation, "", "Attached", ""},
               now);
  auto written = writeStatus(migration, status);
  if (!written) return fail(written.error());
  return Done{Duration::zero()};
}

Result<Done> VmMigrationReconciler::expire(const Migration& migration) {
  if (!migration->spec.ttlSecondsAfterFinished || migration->status.phaseTimestamps.empty()) {
    return Done{};
  }
  const auto since = parseTime(migration->status.phaseTimestamps.back().startedAt);
  if (!since) return Done{};
  const Duration left =
      *since + std::chrono::seconds(*migration->spec.ttlSecondsAfterFinished) - ports_.clock.wall();
  if (left > Duration::zero()) return Done{left};
  if (auto removed = kube::removeObject(ports_.client, *migration); !removed) {
    return fail(removed.error());
  }
  return Done{};
}

bool VmMigrationReconciler::runsOn(const std::string& host, const std::string& uuid) const {
  const auto domain = ports_.hypervisor.domain(host, uuid);
  return domain && domain->state == hypervisor::DomainState::Running;
}

// Applied again from a backup, without its status: what is done is done.
Result<Done> VmMigrationReconciler::restore(const Migration& migration) {
  const std::string& phase = migration->metadata.annotations.at(api::kFinishedAnnotation);
  api::VmMigrationStatus status;
  status.observedGeneration = migration->metadata.generation;
  const bool known = phase == kSucceeded || phase == kFailed || phase == kCancelled;
  status.phase = known ? phase : kSucceeded;
  const EndState state = status.phase == kFailed      ? EndState::Failed
                         : status.phase == kCancelled ? EndState::Cancelled
                                                      : EndState::Succeeded;
  setEndConditions(status,
                   {state, "FinishedBefore",
                    "the annotation vnic.dev/finished says that it ended; it is not run again"},
                   migration->metadata.generation, ports_.clock.wall());
  auto written = writeStatus(migration, status);
  if (!written) return fail(written.error());
  return Done{Duration::zero()};
}

}  // namespace vnic::reconcile::vm_migration
