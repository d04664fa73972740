// SPDX-License-Identifier: Apache-2.0
// The names, labels and buckets that stock dashboards and alerts rely on.
#include "runtime/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include "support/manual_clock.h"
#include "unit/runtime/scrape.h"

namespace vnic::runtime {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

std::string text(const Metrics& metrics) {
  return prometheus::TextSerializer().Serialize(metrics.Collect());
}

TEST(Metrics, EverySeriesOfAControllerIsThereFromTheStart) {
  Metrics metrics;
  metrics.controller("vnic", 4);
  const auto queue = metrics.workQueue("vnic");
  metrics.leader("vnic-operator");
  const std::map<std::string, std::string> c{{"controller", "vnic"}};
  const std::map<std::string, std::string> q{{"controller", "vnic"}, {"name", "vnic"}};
  for (const char* result : {"success", "error", "requeue", "requeue_after"}) {
    EXPECT_EQ(scrape(metrics, "controller_runtime_reconcile_total",
                     {{"controller", "vnic"}, {"result", result}}),
              0);
  }
  for (const char* name :
       {"controller_runtime_reconcile_errors_total",
        "controller_runtime_terminal_reconcile_errors_total",
        "controller_runtime_reconcile_panics_total", "controller_runtime_reconcile_timeouts_total",
        "controller_runtime_reconcile_time_seconds", "controller_runtime_active_workers"}) {
    EXPECT_EQ(scrape(metrics, name, c), 0) << name;
  }
  EXPECT_EQ(scrape(metrics, "controller_runtime_max_concurrent_reconciles", c), 4);
  for (const char* name : {"workqueue_adds_total", "workqueue_retries_total",
                           "workqueue_queue_duration_seconds", "workqueue_work_duration_seconds"}) {
    EXPECT_EQ(scrape(metrics, name, q), 0) << name;
  }
  EXPECT_EQ(scrape(metrics, "workqueue_depth",
                   {{"controller", "vnic"}, {"name", "vnic"}, {"priority", "0"}}),
            0);
  EXPECT_EQ(scrape(metrics, "leader_election_master_status", {{"name", "vnic-operator"}}), 0);
  EXPECT_EQ(scrape(metrics, "leader_election_slowpath_total", {{"name", "vnic-operator"}}), 0);
}

TEST(Metrics, BucketsAreThoseOfControllerRuntime) {
  Metrics metrics;
  metrics.controller("vnic", 1);
  const auto queue = metrics.workQueue("vnic");
  std::map<std::string, std::vector<double>> bounds;
  for (const auto& family : metrics.Collect()) {
    if (family.type != prometheus::MetricType::Histogram) continue;
    for (const auto& bucket : family.metric.at(0).histogram.bucket) {
      bounds[family.name].push_back(bucket.upper_bound);
    }
  }
  const auto& reconcile = bounds["controller_runtime_reconcile_time_seconds"];
  ASSERT_EQ(reconcile.size(), 41u) << "40 and +Inf";
  EXPECT_EQ(reconcile[0], 0.005);
  EXPECT_EQ(reconcile[17], 1.0);
  EXPECT_EQ(reconcile[39], 60);
  for (const char* name : {"workqueue_queue_duration_seconds", "workqueue_work_duration_seconds"}) {
    ASSERT_EQ(bounds[name].size(), 13u) << name;
    EXPECT_DOUBLE_EQ(bounds[name][0], 1e-8);
    EXPECT_DOUBLE_EQ(bounds[name][11], 1000);
  }
}

TEST(Metrics, FollowAWorkQueue) {
  test::ManualClock clock;
  Metrics metrics;
  const auto series = metrics.workQueue("vnic");
  queue::WorkQueue queue(clock, series.get());
  const auto unfinished = metrics.watchUnfinished("vnic", queue);
  const std::map<std::string, std::string> q{{"controller", "vnic"}, {"name", "vnic"}};
  const auto depth = [&](const char* priority) {
    return scrape(metrics, "workqueue_depth",
                  {{"controller", "vnic"}, {"name", "vnic"}, {"priority", priority}});
  };
  queue.add({"", "a"}, {.priority = queue::kPriorityBulk});
  queue.add({"", "b"});
  queue.add({"", "c"}, {.rateLimited = true});
  EXPECT_EQ(depth("-100"), 1);
  EXPECT_EQ(depth("0"), 1);
  EXPECT_EQ(scrape(metrics, "workqueue_adds_total", q), 2);
  EXPECT_EQ(scrape(metrics, "workqueue_retries_total", q), 1);
  ASSERT_TRUE(queue.tryGet());
  clock.advance(3s);
  EXPECT_EQ(depth("0"), 0);
  EXPECT_EQ(scrape(metrics, "workqueue_unfinished_work_seconds", q), 3);
  EXPECT_EQ(scrape(metrics, "workqueue_longest_running_processor_seconds", q), 3);
  queue.done({"", "b"});
  EXPECT_EQ(scrape(metrics, "workqueue_unfinished_work_seconds", q), 0);
  EXPECT_EQ(scrape(metrics, "workqueue_work_duration_seconds", q), 1);
  EXPECT_EQ(scrape(metrics, "workqueue_queue_duration_seconds", q), 1);
}

TEST(Metrics, CountsRequests) {
  Metrics metrics;
  metrics.countRequest("200", "GET", "10.0.0.1:6443");
  metrics.countRequest("200", "GET", "10.0.0.1:6443");
  EXPECT_THAT(text(metrics), HasSubstr("rest_client_requests_total{code=\"200\",host="
                                       "\"10.0.0.1:6443\",method=\"GET\"} 2"));
}

TEST(Metrics, ARefreshEndsWithItsHandle) {
  Metrics metrics;
  int calls = 0;
  auto handle = metrics.beforeScrape([&] { ++calls; });
  (void)metrics.Collect();
  handle.reset();
  (void)metrics.Collect();
  EXPECT_EQ(calls, 1);
}

TEST(Metrics, TellsAboutTheProcess) {
  Metrics metrics;
  const double now =
      static_cast<double>(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()));
  EXPECT_GT(scrape(metrics, "process_resident_memory_bytes", {}).value_or(0), 1e6);
  EXPECT_GT(scrape(metrics, "process_virtual_memory_bytes", {}).value_or(0), 1e6);
  EXPECT_GE(scrape(metrics, "process_open_fds", {}).value_or(0), 3);
  EXPECT_GT(scrape(metrics, "process_max_fds", {}).value_or(0), 3);
  EXPECT_GE(scrape(metrics, "process_cpu_seconds_total", {}).value_or(-1), 0);
  EXPECT_NEAR(scrape(metrics, "process_start_time_seconds", {}).value_or(0), now, 600);
}

}  // namespace
}  // namespace vnic::runtime
