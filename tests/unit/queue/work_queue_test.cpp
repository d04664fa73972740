// SPDX-License-Identifier: Apache-2.0
#include "queue/work_queue.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "support/manual_clock.h"

namespace vnic::queue {
namespace {

using namespace std::chrono_literals;
using test::ManualClock;

api::ObjectKey key(const std::string& name) {
  return {"ns", name};
}

struct RecordedMetrics final : QueueMetrics {
  int adds = 0;
  int retries = 0;
  std::map<int, int> depth;
  std::vector<Duration> waited;
  std::vector<Duration> worked;

  void added() override { ++adds; }
  void depthChanged(int priority, int change) override { depth[priority] += change; }
  void started(Duration d) override { waited.push_back(d); }
  void finished(Duration d) override { worked.push_back(d); }
  void retried() override { ++retries; }
};

class WorkQueueTest : public ::testing::Test {
 protected:
  // The name of the next ready key, now in work; "" when none is ready.
  std::string take() {
    const auto item = queue.tryGet();
    return item ? item->key.name : "";
  }

  ManualClock clock;
  RecordedMetrics metrics;
  WorkQueue queue{clock, &metrics};
};

TEST_F(WorkQueueTest, HandsOutInTheOrderOfTheAdds) {
  for (const char* name : {"c", "a", "b"}) queue.add(key(name));
  EXPECT_EQ(take(), "c");
  EXPECT_EQ(take(), "a");
  EXPECT_EQ(take(), "b");
  EXPECT_EQ(take(), "");
}

TEST_F(WorkQueueTest, HoldsAKeyOnceHoweverOftenItIsAdded) {
  for (int i = 0; i < 3; ++i) queue.add(key("a"));
  EXPECT_EQ(queue.size(), 1u);
  EXPECT_EQ(take(), "a");
  queue.done(key("a"));
  EXPECT_EQ(take(), "");
  EXPECT_EQ(metrics.adds, 1);
}

TEST_F(WorkQueueTest, KeepsAKeyThatIsInWorkFromASecondWorkerUntilItIsDone) {
  queue.add(key("a"));
  EXPECT_EQ(take(), "a");
  queue.add(key("a"));
  queue.add(key("b"));
  EXPECT_EQ(take(), "b") << "a key in work must not hold up others";
  EXPECT_EQ(take(), "");
  queue.done(key("a"));
  EXPECT_EQ(take(), "a") << "what was added during the work must not get lost";
  queue.done(key("a"));
  EXPECT_EQ(take(), "");
}

TEST_F(WorkQueueTest, KeepsADelayThatWasAskedForDuringTheWork) {
  queue.add(key("a"));
  EXPECT_EQ(take(), "a");
  queue.add(key("a"), {.after = 10s});
  queue.done(key("a"));
  EXPECT_EQ(take(), "");
  clock.advance(10s);
  EXPECT_EQ(take(), "a");
}

TEST_F(WorkQueueTest, IgnoresDoneOfAKeyThatIsNotInWork) {
  queue.add(key("a"));
  queue.done(key("a"));
  queue.done(key("unknown"));
  EXPECT_EQ(take(), "a");
}

TEST_F(WorkQueueTest, HoldsDelayedKeysUntilTheirTime) {
  queue.add(key("late"), {.after = 20s});
  queue.add(key("early"), {.after = 10s});
  EXPECT_EQ(take(), "");
  EXPECT_EQ(queue.nextReady(), clock.now() + 10s);
  clock.advance(10s - 1ns);
  EXPECT_EQ(take(), "");
  clock.advance(1ns);
  EXPECT_EQ(take(), "early");
  EXPECT_EQ(take(), "");
  clock.advance(10s);
  EXPECT_EQ(take(), "late");
  EXPECT_EQ(queue.nextReady(), std::nullopt);
}

TEST_F(WorkQueueTest, DoesNotHoldUpReadyKeysBehindADelayedOne) {
  queue.add(key("delayed"), {.after = 10s, .priority = 5});
  queue.add(key("ready"));
  EXPECT_EQ(take(), "ready");
}

struct ReAdd {
  const char* what;
  AddOptions first;
  AddOptions second;
  Duration readyAfter;
  int priority;
};

class ReAddTest : public WorkQueueTest, public ::testing::WithParamInterface<ReAdd> {};

TEST_P(ReAddTest, KeepsTheHigherPriorityAndTheEarlierTime) {
  const ReAdd& c = GetParam();
  queue.add(key("a"), c.first);
  queue.add(key("a"), c.second);
  EXPECT_EQ(queue.size(), 1u);
  if (c.readyAfter > 0s) {
    clock.advance(c.readyAfter - 1ns);
    EXPECT_FALSE(queue.tryGet()) << c.what;
    clock.advance(1ns);
  }
  const auto item = queue.tryGet();
  ASSERT_TRUE(item) << c.what;
  EXPECT_EQ(item->priority, c.priority) << c.what;
  EXPECT_EQ(metrics.depth[0], 0);
  EXPECT_EQ(metrics.depth[-100], 0);
}

INSTANTIATE_TEST_SUITE_P(
    All, ReAddTest,
    ::testing::Values(ReAdd{"earlier second", {.after = 20s}, {.after = 5s}, 5s, 0},
                      ReAdd{"later second", {.after = 5s}, {.after = 20s}, 5s, 0},
                      ReAdd{"second at once", {.after = 20s}, {}, 0s, 0},
                      ReAdd{"ready already", {}, {.after = 20s}, 0s, 0},
                      ReAdd{"raised", {.priority = -100}, {.priority = 0}, 0s, 0},
                      ReAdd{"not lowered", {.priority = 0}, {.priority = -100}, 0s, 0},
                      ReAdd{"raised while it waits",
                            {.after = 20s, .priority = -100},
                            {.after = 30s, .priority = 0},
                            20s,
                            0},
                      ReAdd{"both low", {.priority = -100}, {.priority = -100}, 0s, -100}));

TEST_F(WorkQueueTest, HandsOutHigherPrioritiesFirst) {
  queue.add(key("bulk1"), {.priority = kPriorityBulk});
  queue.add(key("bulk2"), {.priority = kPriorityBulk});
  queue.add(key("change1"));
  queue.add(key("change2"));
  for (const char* expected : {"change1", "change2", "bulk1", "bulk2"}) EXPECT_EQ(take(), expected);
}

TEST_F(WorkQueueTest, BacksOffPerKeyAndForgets) {
  queue.add(key("a"), {.rateLimited = true});
  EXPECT_EQ(queue.nextReady(), clock.now() + 5ms);
  clock.advance(5ms);
  EXPECT_EQ(take(), "a");
  queue.add(key("a"), {.rateLimited = true});
  queue.done(key("a"));
  EXPECT_EQ(queue.nextReady(), clock.now() + 10ms);
  EXPECT_EQ(queue.failures(key("a")), 2);
  EXPECT_EQ(metrics.retries, 2);
  clock.advance(10ms);
  EXPECT_EQ(take(), "a");
  queue.forget(key("a"));
  queue.add(key("a"), {.rateLimited = true});
  queue.done(key("a"));
  EXPECT_EQ(queue.nextReady(), clock.now() + 5ms);
}

TEST_F(WorkQueueTest, WaitsForBothTheBackOffAndTheAskedDelay) {
  queue.add(key("asked"), {.after = 3s, .rateLimited = true});
  EXPECT_EQ(queue.nextReady(), clock.now() + 3s);
}

TEST_F(WorkQueueTest, AfterShutdownTakesAndGivesNothing) {
  queue.add(key("a"));
  queue.add(key("b"));
  EXPECT_EQ(take(), "a");
  queue.shutdown();
  queue.add(key("c"));
  EXPECT_EQ(take(), "");
  EXPECT_EQ(queue.get({}), std::nullopt);
  queue.done(key("a"));
  EXPECT_EQ(queue.unfinished().total, 0s);
}

TEST_F(WorkQueueTest, TellsItsMetrics) {
  queue.add(key("a"));
  queue.add(key("bulk"), {.priority = kPriorityBulk});
  queue.add(key("delayed"), {.after = 1min});
  EXPECT_EQ(metrics.adds, 2) << "a key that waits for its time is not in the depth yet";
  EXPECT_EQ(metrics.depth[0], 1);
  EXPECT_EQ(metrics.depth[-100], 1);
  queue.add(key("bulk"));
  EXPECT_EQ(metrics.depth[0], 2);
  EXPECT_EQ(metrics.depth[-100], 0);

  clock.advance(2s);
  EXPECT_EQ(take(), "a");
  EXPECT_EQ(metrics.waited, std::vector<Duration>{2s});
  clock.advance(3s);
  EXPECT_EQ(take(), "bulk");
  clock.advance(1s);
  EXPECT_EQ(queue.unfinished().total, 5s);
  EXPECT_EQ(queue.unfinished().longest, 4s);
  queue.done(key("a"));
  EXPECT_EQ(metrics.worked, std::vector<Duration>{4s});
  EXPECT_EQ(metrics.depth[0], 0);

  clock.advance(1min);
  EXPECT_EQ(take(), "delayed");
  EXPECT_EQ(metrics.adds, 3);
  EXPECT_EQ(metrics.waited.back(), 6s) << "the time before it was ready is not waiting";
}

}  // namespace
}  // namespace vnic::queue
