// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <prometheus/family.h>
#include <prometheus/gauge.h>

#include <map>
#include <memory>
#include <string>

#include "app/caches.h"
#include "runtime/metrics.h"

namespace vnic::app {

// How many objects there are, counted in the caches at each scrape: vnic_migration_objects{phase},
// vnic_vnic_objects{ready}, vnic_reservation_objects{purpose} and
// vnic_quarantined_virtual_functions. Every value of a label is there from the beginning, none
// names an object.
class ObjectMetrics {
 public:
  ObjectMetrics(const Caches& caches, runtime::Metrics& metrics);

 private:
  using Series = std::map<std::string, prometheus::Gauge*>;

  void refresh();

  const Caches& caches_;
  Series migrations_, vnics_, reservations_;
  prometheus::Gauge& quarantined_;
  std::shared_ptr<void> refreshing_;  // last: its end waits for a scrape that is under way
};

}  // namespace vnic::app
