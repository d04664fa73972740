// SPDX-License-Identifier: Apache-2.0
// Leader election in virtual time: a sleep of the elector moves the clock and returns at once, and
// what the world does meanwhile hangs on the requests. Main thread and elector meet in Gate.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <string>

#include "kube/typed.h"
#include "runtime/leader_elector.h"
#include "support/fake_kube_client.h"
#include "support/manual_clock.h"
#include "support/time_format.h"
#include "unit/runtime/hooked_client.h"
#include "unit/runtime/scrape.h"

namespace vnic::runtime {
using namespace std::chrono_literals;

inline constexpr Duration kPatience = 10s;
inline const api::ObjectKey kLease{"operator", "vnic-operator"};

// Holds the elector's thread in a request until the test has looked around.
class Gate {
 public:
  void hold() {
    if (held_) return;
    held_ = true;
    reached_.set_value();
    opened_.get_future().wait();
  }
  bool waitUntilReached() {
    return reached_.get_future().wait_for(kPatience) == std::future_status::ready;
  }
  void open() { opened_.set_value(); }

 private:
  bool held_ = false;
  std::promise<void> reached_;
  std::promise<void> opened_;
};

class LeaderElectorTest : public ::testing::Test {
 protected:
  static LeaderElector::Options options() {
    LeaderElector::Options o;
    o.ns = kLease.ns;
    o.identity = "us";
    return o;
  }

  // A Lease as somebody else wrote it.
  LeaseRecord othersRecord(const std::string& renewTime) const {
    return {"other", 15, renewTime, renewTime, 3};
  }
  void otherWrites(const LeaseRecord& record) {
    const auto current = kube::getObject<Lease>(server, kLease);
    if (!current) {
      api::ObjectMeta meta;
      meta.ns = kLease.ns;
      meta.name = kLease.name;
      ASSERT_TRUE(kube::createObject<Lease>(server, meta, toJson(record)));
      return;
    }
    nlohmann::json body = kube::objectFrame(Lease::resource, kLease);
    body["spec"] = toJson(record);
    ASSERT_TRUE(server.update(Lease::resource, body));
  }
  Lease lease() { return kube::getObject<Lease>(server, kLease).value(); }
  Duration elapsed() const { return clock.now() - begin; }
  std::optional<double> leadingMetric() {
    return scrape(metrics, "leader_election_master_status", {{"name", "vnic-operator"}});
  }
  std::optional<double> slowPaths() {
    return scrape(metrics, "leader_election_slowpath_total", {{"name", "vnic-operator"}});
  }
  bool waitUntilLost() {
    return lost.get_future().wait_for(kPatience) == std::future_status::ready;
  }
  void start() {
    elector.start([this] { lost.set_value(); });
  }
  bool lead() {
    start();
    std::stop_source patience;
    std::jthread limit([&patience](std::stop_token done) {
      if (SystemClock().sleepFor(kPatience, done)) patience.request_stop();
    });
    return elector.waitUntilLeading(patience.get_token());
  }

  test::ManualClock clock;
  const MonoTime begin = clock.now();
  test::FakeKubeClient server;
  HookedClient client{server};
  Metrics metrics;
  std::promise<void> lost;
  LeaderElector elector{options(), client, clock, metrics.leader("vnic-operator"), Logger()};
};

}  // namespace vnic::runtime
