// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "cache/store.h"
#include "reconcile/contract/reconciler.h"
#include "reconcile/vm_migration/effects.h"
#include "reconcile/vm_migration/metrics.h"
#include "reconcile/vm_migration/observer.h"
#include "runtime/claim_lease.h"
#include "support/log.h"

namespace vnic::reconcile::vm_migration {

// Moves VMs. Each pass: observe, plan, one batch of effects, one status write. A decision (target,
// direction, the start of the copy) is written, guarded by resourceVersion, before it is acted
// upon.
class VmMigrationReconciler final : public Reconciler {
 public:
  struct Ports {
    kube::Client& client;
    hypervisor::Hypervisor& hypervisor;
    const cache::Store<api::VmMigration>& migrations;
    // Have the caches seen all that earlier passes for that migration wrote?
    std::function<bool(const api::ObjectKey&)> caughtUp;
    const cache::Store<api::Vnic>& vnics;
    runtime::ClaimLeases& claims;
    runtime::EventSink& events;
    std::function<Duration()> leaseTimeLeft;
    Clock& clock;
  };

  VmMigrationReconciler(Ports ports, Observer observer, MigrationMetrics& metrics, Logger log);

  Result<Done> reconcile(const api::ObjectKey& key, std::stop_token stop) override;

 private:
  using Migration = std::shared_ptr<const api::VmMigration>;

  Result<Migration> prepare(Migration migration);
  Result<Done> advance(Migration migration);
  Result<Done> commitTarget(const Migration& migration);
  Result<Migration> writeStatus(const Migration& migration, const api::VmMigrationStatus& status);
  void tellPhase(const api::VmMigration& before, const api::VmMigration& after);
  NicMemories recall(const api::VmMigration& migration);
  void remember(const Observation& observation, const std::vector<Effect>& effects,
                const std::vector<EffectFailure>& failures);
  void forget(const api::VmMigration& migration);
  Duration withoutProgress(const Observation& observation);

  Result<Done> conclude(Migration migration);
  Result<Done> watchDegraded(const Migration& migration);
  bool runsOn(const std::string& host, const std::string& uuid) const;
  Result<Done> expire(const Migration& migration);
  Result<Done> restore(const Migration& migration);

  struct Progress {
    std::int64_t processedBytes = 0;
    WallTime movedAt;
  };
  // What this process knows of a migration beyond the objects.
  struct Memory {
    std::optional<Progress> progress;  // while it copies
    NicMemories nics;
  };

  Ports ports_;
  Observer observer_;
  MigrationMetrics& metrics_;
  Logger log_;
  // Limits are counted in the cache, so the next target is decided only once the cache shows the
  // last.
  std::mutex decisionMutex_;
  api::ObjectKey lastDecision_;
  std::mutex memoryMutex_;
  std::map<std::string, Memory> memories_;  // by uid of the migration, until it has ended
};

}  // namespace vnic::reconcile::vm_migration
