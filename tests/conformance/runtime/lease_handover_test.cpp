// SPDX-License-Identifier: Apache-2.0
// Two operator processes and one Lease on a real API server.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <optional>
#include <stdexcept>

#include "conformance/runtime/api_server.h"
#include "kube/typed.h"
#include "runtime/lease.h"
#include "support/command.h"
#include "support/time_format.h"

namespace vnic::test {
namespace {

using namespace std::chrono_literals;
using runtime::Lease;

// Lease duration 15 s, then at most one wait of 2 s and its jitter of 2.4 s; and a busy machine.
constexpr Duration kTakeover = 15s + 4400ms + 15s;
constexpr Duration kHandover = 4400ms + 5s;

// A lease_holder process.
class Holder {
 public:
  Holder(const std::string& lease, const std::string& identity)
      : process_({VNIC_LEASE_HOLDER, ApiServer::shared().kubeconfig(), kOperatorNamespace, lease,
                  identity}) {}

  bool leadsWithin(Duration patience) {
    return eventually([&] { return process_.output().find("leading\n") != std::string::npos; },
                      patience);
  }
  void signal(int number) { process_.signal(number); }
  std::optional<int> end(std::chrono::seconds patience) { return process_.end(patience); }

 private:
  ChildProcess process_;
};

class LeaseHandover : public ::testing::Test {
 protected:
  // Each test has a Lease of its own.
  std::string name = std::string("handover-") +
                     std::to_string(std::chrono::system_clock::now().time_since_epoch().count());

  runtime::LeaseRecord record() {
    const auto lease =
        kube::getObject<Lease>(ApiServer::shared().client(), {kOperatorNamespace, name});
    if (!lease) throw std::runtime_error(lease.error().message);
    return lease->spec;
  }
};

TEST_F(LeaseHandover, ALeaderThatEndsHandsOverAtOnce) {
  Holder first(name, "first");
  ASSERT_TRUE(first.leadsWithin(30s));
  Holder second(name, "second");
  // The second has to have seen that the first leads, or it would not be a hand-over.
  EXPECT_FALSE(second.leadsWithin(5s));
  EXPECT_EQ(record().holder, "first");

  const auto begin = std::chrono::steady_clock::now();
  first.signal(SIGTERM);
  EXPECT_EQ(first.end(10s), 0);
  ASSERT_TRUE(second.leadsWithin(30s));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, kHandover);
  EXPECT_EQ(record().holder, "second");
  EXPECT_EQ(record().durationSeconds, 15);
  EXPECT_EQ(record().transitions, 1);

  second.signal(SIGTERM);
  EXPECT_EQ(second.end(10s), 0);
  EXPECT_EQ(record().holder, "");
  EXPECT_EQ(record().durationSeconds, 1);
}

TEST_F(LeaseHandover, ALeaderThatCrashedIsReplacedWhenItsLeaseIsOver) {
  Holder first(name, "first");
  ASSERT_TRUE(first.leadsWithin(30s));
  Holder second(name, "second");
  EXPECT_FALSE(second.leadsWithin(5s));
  first.signal(SIGKILL);
  EXPECT_EQ(first.end(10s), 128 + SIGKILL);
  const auto lastSign = parseTime(record().renewTime);
  ASSERT_TRUE(second.leadsWithin(kTakeover + 5s));
  const auto taken = parseTime(record().acquireTime);
  ASSERT_TRUE(lastSign && taken);
  EXPECT_GE(*taken - *lastSign, 15s) << "taken while the first might still have been working";
  EXPECT_LE(*taken - *lastSign, kTakeover);
  EXPECT_EQ(record().holder, "second");
  EXPECT_EQ(record().transitions, 1);
}

TEST_F(LeaseHandover, ALeaderThatWasAsleepEndsWhenItWakesUpAndTouchesNothing) {
  Holder first(name, "first");
  ASSERT_TRUE(first.leadsWithin(30s));
  Holder second(name, "second");
  first.signal(SIGSTOP);
  ASSERT_TRUE(second.leadsWithin(kTakeover + 10s));
  const auto acquired = record().acquireTime;
  first.signal(SIGCONT);
  EXPECT_EQ(first.end(20s), 3);
  EXPECT_EQ(record().holder, "second");
  EXPECT_EQ(record().acquireTime, acquired);
}

}  // namespace
}  // namespace vnic::test
