// SPDX-License-Identifier: Apache-2.0
#include "runtime/controller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <latch>
#include <ostream>

#include "support/manual_clock.h"
#include "unit/runtime/scrape.h"

namespace vnic::runtime {
namespace {

using namespace std::chrono_literals;
using reconcile::Done;

const api::ObjectKey kA{"ns", "a"};

struct FunctionReconciler final : reconcile::Reconciler {
  std::function<Result<Done>(const api::ObjectKey&, std::stop_token)> function;
  Result<Done> reconcile(const api::ObjectKey& key, std::stop_token stop) override {
    return function(key, std::move(stop));
  }
};

struct ResultCase {
  const char* what;
  Result<Done> result;
  std::optional<Duration> againAfter;  // nullopt = not at all
  int failures;                        // remembered for the next back-off
  const char* label;                   // of controller_runtime_reconcile_total
  int errors;
  int terminalErrors;
};

std::ostream& operator<<(std::ostream& out, const ResultCase& c) {
  return out << c.what;
}

class ResultTest : public ::testing::TestWithParam<ResultCase> {};

// Every result after one failure in a row, so that forgetting can be told from not.
TEST_P(ResultTest, DecidesAboutTheNextPassAndIsCounted) {
  const ResultCase& c = GetParam();
  test::ManualClock clock;
  Metrics metrics;
  FunctionReconciler reconciler;
  Controller controller({.name = "test"}, reconciler, clock, metrics, Logger());
  controller.queue().add(kA, {.rateLimited = true, .priority = queue::kPriorityBulk});
  clock.advance(5ms);
  reconciler.function = [&](const api::ObjectKey& key, std::stop_token) {
    EXPECT_EQ(key, kA);
    return c.result;
  };
  ASSERT_TRUE(controller.processNext());

  EXPECT_EQ(controller.queue().failures(kA), c.failures);
  const auto next = controller.queue().nextReady();
  if (c.againAfter) {
    EXPECT_EQ(next, clock.now() + *c.againAfter);
    clock.advance(*c.againAfter);
    const auto item = controller.queue().tryGet();
    ASSERT_TRUE(item);
    EXPECT_EQ(item->priority, queue::kPriorityBulk) << "a retry keeps its place";
  } else {
    EXPECT_EQ(next, std::nullopt);
  }
  for (const std::string label : {"success", "error", "requeue", "requeue_after"}) {
    EXPECT_EQ(scrape(metrics, "controller_runtime_reconcile_total",
                     {{"controller", "test"}, {"result", label}}),
              label == c.label ? 1 : 0)
        << label;
  }
  EXPECT_EQ(scrape(metrics, "controller_runtime_reconcile_errors_total", {{"controller", "test"}}),
            c.errors);
  EXPECT_EQ(scrape(metrics, "controller_runtime_terminal_reconcile_errors_total",
                   {{"controller", "test"}}),
            c.terminalErrors);
  EXPECT_EQ(scrape(metrics, "controller_runtime_reconcile_time_seconds", {{"controller", "test"}}),
            1);
}

Result<Done> error(ErrorKind kind, int retryAfterSeconds = 0) {
  return fail(Error{kind, "x", 0, retryAfterSeconds});
}

INSTANTIATE_TEST_SUITE_P(
    All, ResultTest,
    ::testing::Values(
        ResultCase{"done", Done{}, std::nullopt, 0, "success", 0, 0},
        ResultCase{"again later", Done{90s}, 90s, 0, "requeue_after", 0, 0},
        ResultCase{"again at once", Done{0s}, 0s, 0, "requeue_after", 0, 0},
        ResultCase{"conflict", error(ErrorKind::Conflict), 10ms, 2, "requeue", 0, 0},
        ResultCase{"cancelled", error(ErrorKind::Cancelled), 10ms, 2, "requeue", 0, 0},
        ResultCase{"transient", error(ErrorKind::Transient), 10ms, 2, "error", 1, 0},
        ResultCase{"the server asked for time", error(ErrorKind::Transient, 7), 7s, 2, "error", 1,
                   0},
        ResultCase{"forbidden", error(ErrorKind::Forbidden), 10ms, 2, "error", 1, 0},
        ResultCase{"not found", error(ErrorKind::NotFound), 10ms, 2, "error", 1, 0},
        ResultCase{"ownership", error(ErrorKind::OwnershipConflict), 10ms, 2, "error", 1, 0},
        ResultCase{"invalid", error(ErrorKind::Invalid), std::nullopt, 0, "error", 1, 1},
        ResultCase{"terminal", error(ErrorKind::Terminal), std::nullopt, 0, "error", 1, 1}));

class ControllerTest : public ::testing::Test {
 protected:
  std::optional<double> metric(const std::string& name) {
    return scrape(metrics, name, {{"controller", "test"}});
  }

  SystemClock clock;
  Metrics metrics;
  FunctionReconciler reconciler;
};

TEST_F(ControllerTest, SurvivesAnExceptionAndTriesAgain) {
  std::promise<void> second;
  int passes = 0;
  reconciler.function = [&](const api::ObjectKey&, std::stop_token) -> Result<Done> {
    if (++passes == 1) throw std::runtime_error("a bug");
    second.set_value();
    return Done{};
  };
  Controller controller({.name = "test"}, reconciler, clock, metrics, Logger());
  controller.queue().add(kA);
  controller.start();
  EXPECT_EQ(second.get_future().wait_for(10s), std::future_status::ready);
  controller.stop();
  EXPECT_EQ(metric("controller_runtime_reconcile_panics_total"), 1);
  EXPECT_EQ(metric("controller_runtime_reconcile_errors_total"), 1);
  EXPECT_EQ(metric("controller_runtime_active_workers"), 0);
}

TEST_F(ControllerTest, WorksOnAsManyKeysAtOnceAsItHasWorkers) {
  std::latch bothIn(2);
  std::promise<void> met;
  reconciler.function = [&](const api::ObjectKey& key, std::stop_token) -> Result<Done> {
    bothIn.arrive_and_wait();  // gets past here only if two passes run at the same time
    if (key.name == "b") met.set_value();
    return Done{};
  };
  Controller controller({.name = "test", .workers = 2}, reconciler, clock, metrics, Logger());
  controller.queue().add(kA);
  controller.queue().add({"ns", "b"});
  controller.start();
  EXPECT_EQ(met.get_future().wait_for(10s), std::future_status::ready);
  EXPECT_EQ(metric("controller_runtime_max_concurrent_reconciles"), 2);
}

TEST_F(ControllerTest, StopLetsThePassFinishAndTakesNoOther) {
  std::promise<void> begun;
  std::promise<void> mayEnd;
  std::atomic<int> passes = 0;
  std::atomic<bool> cancelled = false;
  reconciler.function = [&](const api::ObjectKey&, std::stop_token stop) -> Result<Done> {
    if (++passes == 1) {
      begun.set_value();
      mayEnd.get_future().wait();
      cancelled = stop.stop_requested();
    }
    return Done{};
  };
  Controller controller({.name = "test"}, reconciler, clock, metrics, Logger());
  controller.queue().add(kA);
  controller.start();
  begun.get_future().wait();
  controller.queue().add({"ns", "b"});
  auto stopping = std::async(std::launch::async, [&] {
    controller.drain(1min);
    controller.stop();
  });
  // The pass may end only after the end has begun, which is when the queue takes nothing more.
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  std::size_t size = 0;
  for (int i = 0; size < controller.queue().size(); ++i) {
    if (std::chrono::steady_clock::now() > deadline) {
      ADD_FAILURE() << "drain() does not shut the queue down";
      break;
    }
    size = controller.queue().size();
    controller.queue().add({"ns", "probe" + std::to_string(i)});
    std::this_thread::yield();
  }
  mayEnd.set_value();
  ASSERT_EQ(stopping.wait_for(10s), std::future_status::ready);
  EXPECT_EQ(passes, 1);
  EXPECT_FALSE(cancelled);
}

TEST_F(ControllerTest, StopCutsAPassShortAfterTheGraceTime) {
  std::promise<void> begun;
  reconciler.function = [&](const api::ObjectKey&, std::stop_token stop) -> Result<Done> {
    begun.set_value();
    SystemClock().sleepFor(1h, stop);
    return fail(Error::cancelled("stopped"));
  };
  Controller controller({.name = "test"}, reconciler, clock, metrics, Logger());
  controller.queue().add(kA);
  controller.start();
  begun.get_future().wait();
  EXPECT_FALSE(controller.drain(10ms));
  auto stopping = std::async(std::launch::async, [&] { controller.stop(); });
  EXPECT_EQ(stopping.wait_for(10s), std::future_status::ready);
}

// One object whose passes fail, throw, or ask for more at once must not cost the others their turn,
// even when there is only one worker.
TEST_F(ControllerTest, APoisonedObjectDoesNotStarveTheOthers) {
  test::ManualClock time;
  const api::ObjectKey poisoned{"ns", "poisoned"};
  const std::vector<std::function<Result<Done>()>> poisons = {
      [] { return Result<Done>(fail(Error::transient("always"))); },
      []() -> Result<Done> { throw std::runtime_error("a bug"); },
      [] { return Result<Done>(Done{0s}); },
  };
  for (const auto& poison : poisons) {
    int poisonedPasses = 0;
    std::vector<std::string> others;
    reconciler.function = [&](const api::ObjectKey& key, std::stop_token) -> Result<Done> {
      if (key == poisoned) {
        ++poisonedPasses;
        return poison();
      }
      others.push_back(key.name);
      return Done{};
    };
    Controller controller({.name = "test"}, reconciler, time, metrics, Logger());
    controller.queue().add(poisoned);
    for (int i = 0; i < 100; ++i) {
      controller.queue().add({"ns", std::to_string(i)});
      for (int turn = 0; turn < 2 && controller.processNext(); ++turn) {
      }
      time.advance(1s);
    }
    EXPECT_GE(others.size(), 99u) << "each waits for one pass of the poisoned object at most";
    EXPECT_GE(poisonedPasses, 2);
  }
}

TEST_F(ControllerTest, CallsItsResyncPeriodically) {
  std::promise<void> third;
  std::atomic<int> calls = 0;
  reconciler.function = [](const api::ObjectKey&, std::stop_token) { return Done{}; };
  Controller controller({.name = "test",
                         .resync =
                             [&] {
                               if (++calls == 3) third.set_value();
                             },
                         .resyncPeriod = 2ms},
                        reconciler, clock, metrics, Logger());
  controller.start();
  EXPECT_EQ(third.get_future().wait_for(10s), std::future_status::ready);
}

}  // namespace
}  // namespace vnic::runtime
