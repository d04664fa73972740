// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vm_migration/metrics.h"

#include <chrono>

#include "reconcile/vm_migration/phases.h"
#include "support/time_format.h"

namespace vnic::reconcile::vm_migration {
namespace {

using Buckets = prometheus::Histogram::BucketBoundaries;

const Buckets kPhaseBuckets{0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600};
const Buckets kDowntimeBuckets{0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10};
const Buckets kWithoutVfBuckets{0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1800};

}  // namespace

MigrationMetrics::MigrationMetrics(prometheus::Registry& registry)
    : results_(prometheus::BuildCounter()
                   .Name("vnic_migrations_total")
                   .Help("Migrations that ended, by result")
                   .Register(registry)),
      phases_(prometheus::BuildHistogram()
                  .Name("vnic_migration_phase_duration_seconds")
                  .Help("How long migrations stayed in a phase")
                  .Register(registry)),
      downtime_(prometheus::BuildHistogram()
                    .Name("vnic_migration_downtime_seconds")
                    .Help("The VM's pause at the switch-over, as libvirt measured it")
                    .Register(registry)
                    .Add({}, kDowntimeBuckets)),
      withoutVf_(prometheus::BuildHistogram()
                     .Name("vnic_nic_without_vf_seconds")
                     .Help("How long a NIC of a moving VM was without a VF")
                     .Register(registry)
                     .Add({}, kWithoutVfBuckets)) {
  for (const char* result : {kSucceeded, kDegraded, kFailed, kCancelled}) {
    results_.Add({{"result", result}});
  }
  // There from the beginning, so that the first one counts as an increase.
  for (const char* phase : {kPending, kReserving, kDetaching, kMigrating, kAttaching}) {
    phases_.Add({{"phase", phase}}, kPhaseBuckets);
  }
}

void MigrationMetrics::ended(const api::VmMigrationStatus& status) {
  results_.Add({{"result", status.phase}}).Increment();
  const auto seconds = [](WallTime from, WallTime to) {
    return std::chrono::duration<double>(to - from).count();
  };
  for (std::size_t i = 0; i + 1 < status.phaseTimestamps.size(); ++i) {
    const auto from = parseTime(status.phaseTimestamps[i].startedAt);
    const auto to = parseTime(status.phaseTimestamps[i + 1].startedAt);
    if (!from || !to) continue;
    phases_.Add({{"phase", status.phaseTimestamps[i].phase}}, kPhaseBuckets)
        .Observe(seconds(*from, *to));
  }
  if (status.downtimeMilliseconds) {
    downtime_.Observe(static_cast<double>(*status.downtimeMilliseconds) / 1000);
  }
  for (const auto& nic : status.nics) {
    if (nic.withoutVfMilliseconds) {
      withoutVf_.Observe(static_cast<double>(*nic.withoutVfMilliseconds) / 1000);
    }
  }
}

}  // namespace vnic::reconcile::vm_migration
