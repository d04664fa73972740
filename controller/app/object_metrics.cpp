// SPDX-License-Identifier: Apache-2.0
#include "app/object_metrics.h"

#include "api/names.h"
#include "reconcile/vm_migration/phases.h"

namespace vnic::app {
namespace {

using namespace reconcile::vm_migration;
using prometheus::Gauge;

std::map<std::string, Gauge*> series(prometheus::Family<Gauge>& family, const std::string& label,
                                     std::initializer_list<const char*> values) {
  std::map<std::string, Gauge*> gauges;
  for (const char* value : values) gauges[value] = &family.Add({{label, value}});
  return gauges;
}

prometheus::Family<Gauge>& family(runtime::Metrics& metrics, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(metrics.registry());
}

std::string readyOf(const api::Vnic& vnic) {
  const api::Condition* ready = api::findCondition(vnic.status.conditions, api::condition::kReady);
  return ready == nullptr ? "Unknown" : api::toString(ready->status);
}

template <class T, class ValueOf>
void count(const cache::Store<T>& store, const std::map<std::string, Gauge*>& gauges,
           ValueOf valueOf) {
  std::map<std::string, int> counts;
  for (const auto& object : store.list()) ++counts[valueOf(*object)];
  for (const auto& [value, gauge] : gauges) gauge->Set(counts[value]);
}

}  // namespace

ObjectMetrics::ObjectMetrics(const Caches& caches, runtime::Metrics& metrics)
    : caches_(caches),
      migrations_(series(family(metrics, "vnic_migration_objects", "VmMigrations, by phase"),
                         "phase",
                         {kPending, kReserving, kDetaching, kMigrating, kAttaching, kSucceeded,
                          kDegraded, kFailed, kCancelled})),
      vnics_(series(family(metrics, "vnic_vnic_objects", "Vnics, by their Ready condition"),
                    "ready", {"True", "False", "Unknown"})),
      reservations_(series(
          family(metrics, "vnic_reservation_objects", "VfReservations, by purpose"), "purpose",
          {api::purpose::kInUse, api::purpose::kReturn, api::purpose::kTarget,
           api::purpose::kReleasing})),
      quarantined_(family(metrics, "vnic_quarantined_virtual_functions",
                          "VFs that their node agent cannot clean, given to nobody")
                       .Add({})),
      refreshing_(metrics.beforeScrape([this] { refresh(); })) {}

void ObjectMetrics::refresh() {
  count(caches_.migrations.store(), migrations_, [](const api::VmMigration& m) {
    return m.status.phase.empty() ? std::string(kPending) : m.status.phase;
  });
  count(caches_.vnics.store(), vnics_, readyOf);
  int quarantined = 0;
  count(caches_.reservations.store(), reservations_, [&](const api::VfReservation& r) {
    if (api::isTrue(r.status.conditions, api::condition::kQuarantined)) ++quarantined;
    return r.spec.purpose;
  });
  quarantined_.Set(quarantined);
}

}  // namespace vnic::app
