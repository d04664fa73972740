// SPDX-License-Identifier: Apache-2.0
// The metrics that every controller has, with controller-runtime's names, labels and buckets, so
// that stock dashboards and alerts work. All series are there from the start, at 0.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/metric_family.h>
#include <prometheus/registry.h>

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "queue/queue_metrics.h"
#include "queue/work_queue.h"

namespace vnic::runtime {

// Of one controller; label controller=<name>.
struct ControllerMetrics {
  prometheus::Counter& success;  // controller_runtime_reconcile_total{result=…}
  prometheus::Counter& error;
  prometheus::Counter& requeue;
  prometheus::Counter& requeueAfter;
  prometheus::Counter& errors;          // controller_runtime_reconcile_errors_total
  prometheus::Counter& terminalErrors;  // controller_runtime_terminal_reconcile_errors_total
  prometheus::Counter& panics;          // controller_runtime_reconcile_panics_total
  prometheus::Histogram& seconds;       // controller_runtime_reconcile_time_seconds
  prometheus::Gauge& activeWorkers;     // controller_runtime_active_workers
};

// Of one Lease; label name=<lease>.
struct LeaderMetrics {
  prometheus::Gauge& leading;      // leader_election_master_status
  prometheus::Counter& slowPaths;  // leader_election_slowpath_total
};

class Metrics final : public prometheus::Collectable {
 public:
  Metrics();
  ~Metrics() override;
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // For metrics of one's own: prometheus::BuildGauge().Name(…).Register(metrics.registry()). Keep
  // the references that Family::Add returns; remove the series of what is gone.
  prometheus::Registry& registry() { return *registry_; }

  ControllerMetrics controller(const std::string& name, int workers);
  LeaderMetrics leader(const std::string& lease);
  // workqueue_*; `name` is the controller's.
  std::unique_ptr<queue::QueueMetrics> workQueue(const std::string& name);
  // rest_client_requests_total. Thread-safe. `code` is the HTTP status, or "<error>".
  void countRequest(const std::string& code, const std::string& method, const std::string& host);

  // Runs `refresh` before each scrape, for gauges that are computed then. Until the returned handle
  // is dropped; dropping waits for a scrape that is under way.
  [[nodiscard]] std::shared_ptr<void> beforeScrape(std::function<void()> refresh);
  // workqueue_unfinished_work_seconds and workqueue_longest_running_processor_seconds.
  [[nodiscard]] std::shared_ptr<void> watchUnfinished(const std::string& name,
                                                      const queue::WorkQueue& queue);

  // Everything, the process's own numbers (process_*) included. Thread-safe.
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  struct Families;

  std::shared_ptr<prometheus::Registry> registry_;
  std::unique_ptr<Families> families_;
  mutable std::mutex refreshMutex_;
  mutable std::list<std::function<void()>> refreshers_;
};

}  // namespace vnic::runtime
