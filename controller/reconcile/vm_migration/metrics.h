// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include "api/vm_migration.h"

namespace vnic::reconcile::vm_migration {

// vnic_migrations_total{result}, vnic_migration_phase_duration_seconds{phase},
// vnic_migration_downtime_seconds, vnic_nic_without_vf_seconds. No label names an object, so their
// number is bounded.
class MigrationMetrics {
 public:
  explicit MigrationMetrics(prometheus::Registry& registry);

  // Once for each migration that ended, with its final status.
  void ended(const api::VmMigrationStatus& status);

 private:
  prometheus::Family<prometheus::Counter>& results_;
  prometheus::Family<prometheus::Histogram>& phases_;
  prometheus::Histogram& downtime_;
  prometheus::Histogram& withoutVf_;
};

}  // namespace vnic::reconcile::vm_migration
