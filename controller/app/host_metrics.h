// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <prometheus/family.h>
#include <prometheus/gauge.h>

#include <map>
#include <memory>
#include <string>

#include "api/vm_host.h"
#include "cache/store.h"
#include "runtime/metrics.h"

namespace vnic::app {

// vnic_host_virtual_functions{host,state} and vnic_host_connected{host}, read from the VmHosts'
// status at each scrape; a host that is gone takes its series along.
class HostMetrics {
 public:
  HostMetrics(const cache::Store<api::VmHost>& hosts, runtime::Metrics& metrics);

 private:
  struct Series {
    prometheus::Gauge* free;
    prometheus::Gauge* reserved;
    prometheus::Gauge* inUse;
    prometheus::Gauge* unavailable;
    prometheus::Gauge* connected;
  };

  void refresh();
  Series& seriesOf(const std::string& host);
  void removeSeries(const Series& series);

  const cache::Store<api::VmHost>& hosts_;
  prometheus::Family<prometheus::Gauge>& functions_;
  prometheus::Family<prometheus::Gauge>& connected_;
  std::map<std::string, Series> series_;
  std::shared_ptr<void> refreshing_;  // last: its end waits for a scrape that is under way
};

}  // namespace vnic::app
