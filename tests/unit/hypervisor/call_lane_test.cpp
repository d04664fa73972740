// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/libvirt/call_lane.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

namespace vnic::hypervisor {
namespace {

using namespace std::chrono_literals;

// A call that does not come back until the test lets it. Calls may outlive it.
class Stuck {
 public:
  std::function<Result<int>()> call() {
    return [begun = begun_, open = open_]() -> Result<int> {
      ++*begun;
      open.wait();
      return 1;
    };
  }
  void waitUntilBegun(int count) {
    while (*begun_ < count) std::this_thread::yield();
  }
  void release() { gate_.set_value(); }

 private:
  std::promise<void> gate_;
  std::shared_future<void> open_ = gate_.get_future().share();
  std::shared_ptr<std::atomic<int>> begun_ = std::make_shared<std::atomic<int>>(0);
};

Result<int> runNow(CallLane& lane, Duration timeout = 10s) {
  return lane.run<int>("ask", timeout, []() -> Result<int> { return 7; });
}

TEST(CallLane, GivesTheAnswer) {
  CallLane lane("host1", 2, 4);
  EXPECT_EQ(*runNow(lane), 7);
  const auto failed = lane.run<int>(
      "ask", 10s, []() -> Result<int> { return fail(Error::notFound("no such domain")); });
  EXPECT_EQ(failed.error().kind, ErrorKind::NotFound);
}

TEST(CallLane, ACallThatNeverEndsGivesTransientInTime) {
  Stuck stuck;
  CallLane lane("host1", 1, 4);
  const auto result = lane.run<int>("ask", 20ms, stuck.call());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::Transient);
  stuck.release();
}

TEST(CallLane, AStuckCallDoesNotStopOthers) {
  Stuck stuck;
  CallLane lane("host1", 2, 4);
  EXPECT_FALSE(lane.run<int>("ask", 20ms, stuck.call()));
  EXPECT_EQ(*runNow(lane), 7);
  stuck.release();
}

TEST(CallLane, WhatHasNotBegunInTimeNeverBegins) {
  Stuck stuck;
  CallLane lane("host1", 1, 4);
  EXPECT_FALSE(lane.run<int>("block", 20ms, stuck.call()));
  std::atomic<bool> executed = false;
  const auto late = lane.run<int>("change", 20ms, [&]() -> Result<int> {
    executed = true;
    return 1;
  });
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, ErrorKind::Transient);
  stuck.release();
  EXPECT_EQ(*runNow(lane), 7) << "it comes after the others";
  EXPECT_FALSE(executed);
}

TEST(CallLane, TheQueueIsBounded) {
  Stuck stuck;
  CallLane lane("host1", 1, 2);
  std::vector<std::thread> callers;
  std::atomic<int> ended = 0;
  const auto call = [&](Duration timeout) {
    callers.emplace_back([&, timeout] {
      EXPECT_FALSE(lane.run<int>("ask", timeout, stuck.call()));
      ++ended;
    });
  };
  call(300ms);
  stuck.waitUntilBegun(1);
  call(300ms);
  call(300ms);
  // Two wait; a third is turned away at once however long it would wait.
  Result<int> refused = 0;
  while ((refused = lane.run<int>("ask", 1ms, stuck.call())).error().message.find("too many") ==
         std::string::npos) {
    if (ended == 3) break;
  }
  EXPECT_NE(refused.error().message.find("too many"), std::string::npos);
  for (auto& caller : callers) caller.join();
  stuck.release();
}

TEST(CallLane, ItsEndWaitsForNothing) {
  Stuck stuck;
  const auto before = std::chrono::steady_clock::now();
  {
    CallLane lane("host1", 1, 4);
    EXPECT_FALSE(lane.run<int>("ask", 20ms, stuck.call()));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - before, 5s);
  stuck.release();
}

}  // namespace
}  // namespace vnic::hypervisor
