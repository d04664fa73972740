// SPDX-License-Identifier: Apache-2.0
#include "runtime/event_recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <future>

#include "unit/runtime/hooked_client.h"

namespace vnic::runtime {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

constexpr Duration kPatience = 10s;

// Notes what is written; the test decides about the answers.
class EventServer final : public kube::Client {
 public:
  std::function<Result<std::string>(const std::string& verb)> answer = [](const std::string&) {
    return std::string("{}");
  };

  // "create Reserved", "patch Reserved count=2"
  bool waitFor(std::size_t writes) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return writes_.size() >= writes; });
  }
  std::vector<std::string> writes() {
    const std::lock_guard lock(mutex_);
    return writes_;
  }

  Result<std::string> create(const api::ResourceType& type, const nlohmann::json& o) override {
    EXPECT_EQ(type.plural, "events");
    std::string text = "create " + o.at("reason").get<std::string>();
    if (o.contains("series")) text += " count=" + o["series"]["count"].dump();
    note(text);
    return answer("create");
  }
  Result<std::string> patch(const api::ResourceType&, const api::ObjectKey&, kube::PatchType,
                            const nlohmann::json& body, std::string_view) override {
    EXPECT_EQ(body.size(), 1u) << "everything but the series is immutable";
    note("patch count=" + body.at("series").at("count").dump());
    return answer("patch");
  }
  Result<std::string> get(const api::ResourceType&, const api::ObjectKey&) override {
    return unused();
  }
  Result<std::string> list(const api::ResourceType&, const kube::ListOptions&) override {
    return unused();
  }
  Status watch(const api::ResourceType&, const kube::WatchOptions&, const LineHandler&,
               std::stop_token) override {
    return fail(Error::terminal("unused"));
  }
  Result<std::string> update(const api::ResourceType&, const nlohmann::json&) override {
    return unused();
  }
  Result<std::string> apply(const api::ResourceType&, const nlohmann::json&,
                            const kube::ApplyOptions&) override {
    return unused();
  }
  Status remove(const api::ResourceType&, const api::ObjectKey&,
                const kube::Preconditions&) override {
    return fail(Error::terminal("unused"));
  }

 private:
  static Result<std::string> unused() { return fail(Error::terminal("unused")); }
  void note(const std::string& text) {
    const std::lock_guard lock(mutex_);
    writes_.push_back(text);
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> writes_;
};

Event event(const std::string& reason) {
  Event e;
  e.regarding = {"vnic.dev/v1alpha1", "VmMigration", "team-a", "move", "uid-1", "17"};
  e.reason = reason;
  return e;
}

class EventRecorderTest : public ::testing::Test {
 protected:
  EventRecorder::Options options() {
    EventRecorder::Options o;
    o.instance = "pod-1";
    o.retryPeriod = 1ms;
    return o;
  }
  SystemClock clock;
  EventServer server;
};

TEST_F(EventRecorderTest, WritesEventsInOrderAndRepeatsAsASeries) {
  EventRecorder recorder(options(), server, clock, Logger());
  recorder.start();
  recorder.record(event("A"));
  recorder.record(event("B"));
  recorder.record(event("A"));
  recorder.record(event("A"));
  ASSERT_TRUE(server.waitFor(3));
  recorder.stop();
  EXPECT_THAT(server.writes(), ElementsAre("create A", "create B", "patch count=2"));
}

TEST_F(EventRecorderTest, TriesAgainAsLongAsItMayHelp) {
  std::atomic<int> calls = 0;
  server.answer = [&](const std::string&) -> Result<std::string> {
    if (++calls < 4) return fail(Error::transient("away"));
    return std::string("{}");
  };
  EventRecorder recorder(options(), server, clock, Logger());
  recorder.start();
  recorder.record(event("A"));
  ASSERT_TRUE(server.waitFor(4));
  recorder.record(event("B"));
  ASSERT_TRUE(server.waitFor(5));
  recorder.stop();
  EXPECT_EQ(server.writes().back(), "create B");
}

TEST_F(EventRecorderTest, GivesUpAfterTwelveTriesAndGoesOnWithOthers) {
  std::atomic<int> calls = 0;
  server.answer = [&](const std::string&) -> Result<std::string> {
    if (++calls <= 12) return fail(Error::transient("away"));
    return std::string("{}");
  };
  EventRecorder recorder(options(), server, clock, Logger());
  recorder.start();
  recorder.record(event("A"));
  ASSERT_TRUE(server.waitFor(12));
  recorder.record(event("B"));
  ASSERT_TRUE(server.waitFor(13));
  recorder.stop();
  const auto writes = server.writes();
  EXPECT_EQ(std::count(writes.begin(), writes.end(), "create A"), 12);
  EXPECT_EQ(writes.back(), "create B");
}

TEST_F(EventRecorderTest, DoesNotRepeatWhatTheServerRefuses) {
  server.answer = [&](const std::string&) -> Result<std::string> {
    return fail(Error{ErrorKind::Forbidden, "namespace is being terminated", 403});
  };
  EventRecorder recorder(options(), server, clock, Logger());
  recorder.start();
  recorder.record(event("A"));
  recorder.record(event("B"));
  ASSERT_TRUE(server.waitFor(2));
  recorder.stop();
  EXPECT_THAT(server.writes(), ElementsAre("create A", "create B"));
}

TEST_F(EventRecorderTest, BeginsAnExpiredEventAgain) {
  server.answer = [&](const std::string& verb) -> Result<std::string> {
    if (verb == "patch") return fail(Error{ErrorKind::NotFound, "gone", 404});
    return std::string("{}");
  };
  EventRecorder recorder(options(), server, clock, Logger());
  recorder.start();
  recorder.record(event("A"));
  recorder.record(event("A"));
  ASSERT_TRUE(server.waitFor(3));
  recorder.stop();
  EXPECT_THAT(server.writes(), ElementsAre("create A", "patch count=2", "create A count=2"));
}

TEST_F(EventRecorderTest, NeverBlocksAndDropsWhatDoesNotFit) {
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
  server.answer = [&](const std::string&) -> Result<std::string> {
    released.wait();
    return std::string("{}");
  };
  auto o = options();
  o.capacity = 10;
  EventRecorder recorder(o, server, clock, Logger());
  recorder.start();
  recorder.record(event("first"));
  ASSERT_TRUE(server.waitFor(1));  // from here on the thread hangs in the request
  auto recording = std::async(std::launch::async, [&] {
    for (int i = 0; i < 100; ++i) recorder.record(event("E" + std::to_string(i)));
  });
  EXPECT_EQ(recording.wait_for(kPatience), std::future_status::ready);
  release.set_value();
  ASSERT_TRUE(server.waitFor(11));
  recorder.stop();
  EXPECT_EQ(server.writes().size(), 11u);
  EXPECT_EQ(server.writes().back(), "create E9");
}

TEST_F(EventRecorderTest, WritesWhatIsQueuedBeforeItStops) {
  EventRecorder recorder(options(), server, clock, Logger());
  for (int i = 0; i < 20; ++i) recorder.record(event("E" + std::to_string(i)));
  recorder.start();
  recorder.stop();
  EXPECT_EQ(server.writes().size(), 20u);
}

}  // namespace
}  // namespace vnic::runtime
