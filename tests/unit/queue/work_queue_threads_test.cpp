// SPDX-License-Identifier: Apache-2.0
// The work queue with threads and the real clock.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <future>
#include <set>
#include <thread>
#include <vector>

#include "queue/work_queue.h"

namespace vnic::queue {
namespace {

using namespace std::chrono_literals;

api::ObjectKey key(const std::string& name) {
  return {"ns", name};
}

TEST(WorkQueueThreads, WakesAWorkerForAnAddAndForADelay) {
  SystemClock clock;
  WorkQueue queue(clock);
  auto first = std::async(std::launch::async, [&] { return queue.get({}); });
  queue.add(key("a"), {.after = 30ms});
  ASSERT_EQ(first.wait_for(10s), std::future_status::ready);
  EXPECT_EQ(first.get()->key, key("a"));
}

TEST(WorkQueueThreads, GivesEachSleepingWorkerOneOfTheKeysThatBecomeReadyTogether) {
  SystemClock clock;
  WorkQueue queue(clock);
  std::vector<std::future<std::optional<Item>>> workers;
  for (int i = 0; i < 3; ++i) {
    workers.push_back(std::async(std::launch::async, [&] { return queue.get({}); }));
  }
  for (const char* name : {"a", "b", "c"}) queue.add(key(name), {.after = 20ms});
  std::set<std::string> got;
  for (auto& worker : workers) {
    // None of them is ever done with its key: each has to be woken for its own.
    if (worker.wait_for(10s) == std::future_status::ready) got.insert(worker.get()->key.name);
  }
  queue.shutdown();
  EXPECT_EQ(got, (std::set<std::string>{"a", "b", "c"}));
}

TEST(WorkQueueThreads, EndsSleepingWorkersByShutdownAndByStop) {
  SystemClock clock;
  WorkQueue queue(clock);
  std::stop_source stop;
  auto stopped = std::async(std::launch::async, [&] { return queue.get(stop.get_token()); });
  auto shut = std::async(std::launch::async, [&] { return queue.get({}); });
  stop.request_stop();
  ASSERT_EQ(stopped.wait_for(10s), std::future_status::ready);
  EXPECT_EQ(stopped.get(), std::nullopt);
  queue.shutdown();
  ASSERT_EQ(shut.wait_for(10s), std::future_status::ready);
  EXPECT_EQ(shut.get(), std::nullopt);
}

TEST(WorkQueueThreads, TellsWhenNoKeyIsInWorkAnyMore) {
  SystemClock clock;
  WorkQueue queue(clock);
  EXPECT_EQ(queue.waitUntilIdle(1h), 0u) << "nothing was ever in work";
  queue.add({"ns", "a"});
  queue.add({"ns", "b"});
  ASSERT_TRUE(queue.tryGet());
  ASSERT_TRUE(queue.tryGet());
  queue.shutdown();
  EXPECT_EQ(queue.waitUntilIdle(1ms), 2u);
  auto waiting = std::async(std::launch::async, [&] { return queue.waitUntilIdle(1h); });
  queue.done({"ns", "a"});
  EXPECT_EQ(queue.waitUntilIdle(1ms), 1u);
  queue.done({"ns", "b"});
  ASSERT_EQ(waiting.wait_for(10s), std::future_status::ready);
  EXPECT_EQ(waiting.get(), 0u);
}

TEST(WorkQueueThreads, NeverGivesOneKeyToTwoWorkersAndLosesNoAdd) {
  constexpr int kKeys = 4;
  constexpr int kAdds = 2000;
  SystemClock clock;
  WorkQueue queue(clock);
  std::array<std::atomic<int>, kKeys> inWork{};
  std::array<std::atomic<int>, kKeys> added{};   // generation, raised before each add
  std::array<std::atomic<int>, kKeys> worked{};  // generation that the last pass began with
  std::atomic<bool> overlapped = false;
  {
    std::vector<std::jthread> workers;
    for (int i = 0; i < 3; ++i) {
      workers.emplace_back([&] {
        while (const auto item = queue.get({})) {
          const auto k = static_cast<std::size_t>(std::stoi(item->key.name));
          if (inWork[k].fetch_add(1) != 0) overlapped = true;
          worked[k] = added[k].load();
          inWork[k].fetch_sub(1);
          queue.done(item->key);
        }
      });
    }
    for (int i = 0; i < kAdds; ++i) {
      const auto k = static_cast<std::size_t>(i % kKeys);
      ++added[k];
      queue.add(key(std::to_string(k)));
    }
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while ((queue.size() > 0 || queue.unfinished().total > 0s) &&
           std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
    queue.shutdown();
  }
  EXPECT_FALSE(overlapped);
  for (std::size_t k = 0; k < kKeys; ++k) EXPECT_EQ(worked[k], added[k]) << k;
}

}  // namespace
}  // namespace vnic::queue
