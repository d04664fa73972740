// SPDX-License-Identifier: Apache-2.0
#include "app/host_metrics.h"

#include "api/names.h"

namespace vnic::app {

HostMetrics::HostMetrics(const cache::Store<api::VmHost>& hosts, runtime::Metrics& metrics)
    : hosts_(hosts),
      functions_(prometheus::BuildGauge()
                     .Name("vnic_host_virtual_functions")
                     .Help("SR-IOV virtual functions of a VmHost, by state")
                     .Register(metrics.registry())),
      connected_(prometheus::BuildGauge()
                     .Name("vnic_host_connected")
                     .Help("1 when the operator is connected to the VmHost's libvirt, else 0")
                     .Register(metrics.registry())),
      refreshing_(metrics.beforeScrape([this] { refresh(); })) {}

HostMetrics::Series& HostMetrics::seriesOf(const std::string& host) {
  const auto found = series_.find(host);
  if (found != series_.end()) return found->second;
  const auto add = [&](const char* state) {
    return &functions_.Add({{"host", host}, {"state", state}});
  };
  return series_
      .emplace(host, Series{add("free"), add("reserved"), add("in_use"), add("unavailable"),
                            &connected_.Add({{"host", host}})})
      .first->second;
}

void HostMetrics::removeSeries(const Series& series) {
  for (auto* gauge : {series.free, series.reserved, series.inUse, series.unavailable}) {
    functions_.Remove(gauge);
  }
  connected_.Remove(series.connected);
}

void HostMetrics::refresh() {
  const auto hosts = hosts_.list();
  for (const auto& host : hosts) {
    Series& series = seriesOf(host->metadata.name);
    const api::VirtualFunctionTotals& totals = host->status.virtualFunctions;
    series.free->Set(totals.free);
    series.reserved->Set(totals.reserved);
    series.inUse->Set(totals.inUse);
    series.unavailable->Set(totals.unavailable);
    series.connected->Set(isTrue(host->status.conditions, api::condition::kConnected) ? 1.0 : 0.0);
  }
  std::erase_if(series_, [this](const auto& entry) {
    if (hosts_.get({"", entry.first})) return false;
    removeSeries(entry.second);
    return true;
  });
}

}  // namespace vnic::app
