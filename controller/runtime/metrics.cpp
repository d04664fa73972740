// SPDX-License-Identifier: Apache-2.0
#include "runtime/metrics.h"

#include <map>
#include <utility>

#include "runtime/process_collector.h"

namespace vnic::runtime {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;
using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Labels;
using prometheus::Registry;

const Histogram::BucketBoundaries kReconcileBuckets{
    0.005, 0.01, 0.025, 0.05, 0.1,  0.15, 0.2,  0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6,
    0.7,   0.8,  0.9,   1,    1.25, 1.5,  1.75, 2,    2.5, 3,    3.5, 4,    4.5, 5,
    6,     7,    8,     9,    10,   15,   20,   25,   30,  40,   50,  60};

// 10 ns to 1000 s.
const Histogram::BucketBoundaries kQueueBuckets{1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3,
                                                1e-2, 1e-1, 1,    10,   100,  1000};

Family<Counter>& counter(Registry& registry, const char* name, const char* help) {
  return BuildCounter().Name(name).Help(help).Register(registry);
}
Family<Gauge>& gauge(Registry& registry, const char* name, const char* help) {
  return BuildGauge().Name(name).Help(help).Register(registry);
}
Family<Histogram>& histogram(Registry& registry, const char* name, const char* help) {
  return BuildHistogram().Name(name).Help(help).Register(registry);
}

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

Labels queueLabels(const std::string& name) {
  return {{"name", name}, {"controller", name}};
}

}  // namespace

struct Metrics::Families {
  explicit Families(Registry& r)
      : reconciles(counter(r, "controller_runtime_reconcile_total",
                           "Total number of reconciliations per controller")),
        errors(counter(r, "controller_runtime_reconcile_errors_total",
                       "Total number of reconciliation errors per controller")),
        terminalErrors(counter(r, "controller_runtime_terminal_reconcile_errors_total",
                               "Total number of terminal reconciliation errors per controller")),
        panics(counter(r, "controller_runtime_reconcile_panics_total",
                       "Total number of reconciliation panics per controller")),
        timeouts(counter(r, "controller_runtime_reconcile_timeouts_total",
                         "Total number of reconciliation timeouts per controller")),
        reconcileSeconds(histogram(r, "controller_runtime_reconcile_time_seconds",
                                   "Length of time per reconciliation per controller")),
        maxConcurrent(gauge(r, "controller_runtime_max_concurrent_reconciles",
                            "Maximum number of concurrent reconciles per controller")),
        activeWorkers(gauge(r, "controller_runtime_active_workers",
                            "Number of currently used workers per controller")),
        depth(gauge(r, "workqueue_depth", "Current depth of workqueue by workqueue and priority")),
        adds(counter(r, "workqueue_adds_total", "Total number of adds handled by workqueue")),
        queueSeconds(histogram(r, "workqueue_queue_duration_seconds",
                               "How long in seconds an item stays in workqueue before being "
                               "requested")),
        workSeconds(histogram(r, "workqueue_work_duration_seconds",
                              "How long in seconds processing an item from workqueue takes.")),
        unfinished(gauge(r, "workqueue_unfinished_work_seconds",
                         "How many seconds of work has been done that is in progress and hasn't "
                         "been observed by work_duration. Large values indicate stuck threads. "
                         "One can deduce the number of stuck threads by observing the rate at "
                         "which this increases.")),
        longest(gauge(r, "workqueue_longest_running_processor_seconds",
                      "How many seconds has the longest running processor for workqueue been "
                      "running.")),
        retries(
            counter(r, "workqueue_retries_total", "Total number of retries handled by workqueue")),
        requests(counter(r, "rest_client_requests_total",
                         "Number of HTTP requests, partitioned by status code, method, and host.")),
        leading(gauge(r, "leader_election_master_status",
                      "Gauge of if the reporting system is master of the relevant lease, 0 "
                      "indicates backup, 1 indicates master. 'name' is the string used to identify "
                      "the lease. Please make sure to group by name.")),
        slowPaths(counter(r, "leader_election_slowpath_total",
                          "Total number of slow path exercised in renewing leader leases. 'name' "
                          "is the string used to identify the lease. Please make sure to group by "
                          "name.")) {}

  Family<Counter>& reconciles;
  Family<Counter>& errors;
  Family<Counter>& terminalErrors;
  Family<Counter>& panics;
  Family<Counter>& timeouts;
  Family<Histogram>& reconcileSeconds;
  Family<Gauge>& maxConcurrent;
  Family<Gauge>& activeWorkers;
  Family<Gauge>& depth;
  Family<Counter>& adds;
  Family<Histogram>& queueSeconds;
  Family<Histogram>& workSeconds;
  Family<Gauge>& unfinished;
  Family<Gauge>& longest;
  Family<Counter>& retries;
  Family<Counter>& requests;
  Family<Gauge>& leading;
  Family<Counter>& slowPaths;
};

namespace {

// The queue calls with its lock held, so this needs none of its own.
class QueueSeries final : public queue::QueueMetrics {
 public:
  QueueSeries(std::string name, Family<Gauge>& depth, Counter& adds, Histogram& queueSeconds,
              Histogram& workSeconds, Counter& retries)
      : name_(std::move(name)),
        depth_(depth),
        adds_(adds),
        queueSeconds_(queueSeconds),
        workSeconds_(workSeconds),
        retries_(retries) {
    depthChanged(queue::kPriorityChange, 0);
  }

  void added() override { adds_.Increment(); }
  void depthChanged(int priority, int change) override {
    Gauge*& series = depths_[priority];
    if (series == nullptr) {
      Labels labels = queueLabels(name_);
      labels["priority"] = std::to_string(priority);
      series = &depth_.Add(labels);
    }
    series->Increment(change);
  }
  void started(Duration waited) override { queueSeconds_.Observe(seconds(waited)); }
  void finished(Duration worked) override { workSeconds_.Observe(seconds(worked)); }
  void retried() override { retries_.Increment(); }

 private:
  std::string name_;
  Family<Gauge>& depth_;
  std::map<int, Gauge*> depths_;
  Counter& adds_;
  Histogram& queueSeconds_;
  Histogram& workSeconds_;
  Counter& retries_;
};

}  // namespace

Metrics::Metrics()
    : registry_(std::make_shared<Registry>()), families_(std::make_unique<Families>(*registry_)) {}

Metrics::~Metrics() = default;

ControllerMetrics Metrics::controller(const std::string& name, int workers) {
  Families& f = *families_;
  const Labels labels{{"controller", name}};
  const auto result = [&](const char* text) -> Counter& {
    return f.reconciles.Add({{"controller", name}, {"result", text}});
  };
  f.maxConcurrent.Add(labels).Set(workers);
  f.timeouts.Add(labels);
  return {result("success"),          result("error"),
          result("requeue"),          result("requeue_after"),
          f.errors.Add(labels),       f.terminalErrors.Add(labels),
          f.panics.Add(labels),       f.reconcileSeconds.Add(labels, kReconcileBuckets),
          f.activeWorkers.Add(labels)};
}

LeaderMetrics Metrics::leader(const std::string& lease) {
  const Labels labels{{"name", lease}};
  return {families_->leading.Add(labels), families_->slowPaths.Add(labels)};
}

std::unique_ptr<queue::QueueMetrics> Metrics::workQueue(const std::string& name) {
  Families& f = *families_;
  const Labels labels = queueLabels(name);
  return std::make_unique<QueueSeries>(
      name, f.depth, f.adds.Add(labels), f.queueSeconds.Add(labels, kQueueBuckets),
      f.workSeconds.Add(labels, kQueueBuckets), f.retries.Add(labels));
}

void Metrics::countRequest(const std::string& code, const std::string& method,
                           const std::string& host) {
  families_->requests.Add({{"code", code}, {"method", method}, {"host", host}}).Increment();
}

std::shared_ptr<void> Metrics::beforeScrape(std::function<void()> refresh) {
  const std::lock_guard lock(refreshMutex_);
  const auto entry = refreshers_.insert(refreshers_.end(), std::move(refresh));
  return {nullptr, [this, entry](void*) {
            const std::lock_guard removal(refreshMutex_);
            refreshers_.erase(entry);
          }};
}

std::shared_ptr<void> Metrics::watchUnfinished(const std::string& name,
                                               const queue::WorkQueue& queue) {
  Gauge& total = families_->unfinished.Add(queueLabels(name));
  Gauge& longest = families_->longest.Add(queueLabels(name));
  return beforeScrape([&queue, &total, &longest] {
    const queue::Unfinished unfinished = queue.unfinished();
    total.Set(seconds(unfinished.total));
    longest.Set(seconds(unfinished.longest));
  });
}

std::vector<prometheus::MetricFamily> Metrics::Collect() const {
  {
    const std::lock_guard lock(refreshMutex_);
    for (const auto& refresh : refreshers_) refresh();
  }
  auto families = registry_->Collect();
  for (auto& family : ProcessCollector().Collect()) families.push_back(std::move(family));
  return families;
}

}  // namespace vnic::runtime
