// SPDX-License-Identifier: Apache-2.0
// The reflector against a scripted API server: what it asks, in which order, how long it waits, and
// what its sink is told.
#include "cache/reflector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "support/manual_clock.h"
#include "unit/cache/scripted_client.h"
#include "unit/cache/thing.h"

namespace vnic::cache {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string page(const std::vector<std::string>& items, const std::string& version,
                 const std::string& token = "") {
  std::string body = R"({"metadata":{"resourceVersion":")" + version + R"(","continue":")" + token +
                     R"("},"items":[)";
  for (std::size_t i = 0; i < items.size(); ++i) body += (i > 0 ? "," : "") + items[i];
  return body + "]}";
}

std::string line(const std::string& type, const std::string& object) {
  return R"({"type":")" + type + R"(","object":)" + object + "}";
}

std::string bookmark(const std::string& version, bool endsInitialEvents = false) {
  const std::string annotations =
      endsInitialEvents ? R"(,"annotations":{"k8s.io/initial-events-end":"true"})" : "";
  return line("BOOKMARK", R"({"kind":"Thing","metadata":{"resourceVersion":")" + version + "\"" +
                              annotations + "}}");
}

std::string goneLine() {
  return line("ERROR", R"({"kind":"Status","status":"Failure","code":410,"reason":"Expired",)"
                       R"("message":"too old resource version: 7"})");
}

// "replaced[a@1,b@2] 7", "put a@9 9", "erased a 10", "bookmark 20".
struct RecordingSink final : ReflectorSink<Thing> {
  std::vector<std::string> told;

  void replaced(std::vector<Ptr> objects, const std::vector<api::ObjectKey>& unreadable,
                const std::string& version) override {
    std::vector<std::string> names;
    for (const Ptr& o : objects)
      names.push_back(o->metadata.name + "@" + o->metadata.resourceVersion);
    for (const api::ObjectKey& key : unreadable) names.push_back(key.name + "?");
    std::sort(names.begin(), names.end());
    std::string text = "replaced[";
    for (std::size_t i = 0; i < names.size(); ++i) text += (i > 0 ? "," : "") + names[i];
    told.push_back(text + "] " + version);
  }
  void put(Ptr o, const std::string& version) override {
    told.push_back("put " + o->metadata.name + "@" + o->metadata.resourceVersion + " " + version);
  }
  void erased(const api::ObjectKey& key, const std::string& version) override {
    told.push_back("erased " + key.name + " " + version);
  }
  void bookmark(const std::string& version) override { told.push_back("bookmark " + version); }
};

class ReflectorTest : public ::testing::Test {
 protected:
  void run(std::vector<Answer> script, bool streamInitialList = false) {
    client = std::make_unique<ScriptedClient>(clock, std::move(script));
    std::stop_source stop;
    client->onEnd = [&stop] { stop.request_stop(); };
    ReflectorOptions options;
    options.streamInitialList = streamInitialList;
    Reflector<Thing> reflector(options, *client, clock, sink, Logger());
    reflector.run(stop.get_token());
    EXPECT_THAT(client->surprises, IsEmpty());
  }

  test::ManualClock clock;
  RecordingSink sink;
  std::unique_ptr<ScriptedClient> client;
};

TEST_F(ReflectorTest, ListsInPagesThenWatchesFromThere) {
  run({ListAnswer{"list rv=0 limit=500",
                  page({thingJson("a", "1"), thingJson("b", "2")}, "7", "t")},
       ListAnswer{"list continue=t limit=500", page({thingJson("c", "3")}, "7")},
       WatchAnswer{"watch rv=7",
                   {line("ADDED", thingJson("d", "8")), line("MODIFIED", thingJson("a", "9")),
                    line("DELETED", thingJson("b", "10")), bookmark("20")},
                   {}}});
  EXPECT_THAT(sink.told, ElementsAre("replaced[a@1,b@2,c@3] 7", "put d@8 8", "put a@9 9",
                                     "erased b 10", "bookmark 20"));
  EXPECT_THAT(clock.sleeps(), IsEmpty());
}

TEST_F(ReflectorTest, GoesOnFromTheLastBookmarkWithoutAList) {
  run({ListAnswer{"list rv=0 limit=500", page({}, "7")},
       WatchAnswer{"watch rv=7", {bookmark("20")}, {}}, WatchAnswer{"watch rv=20", {}, {}},
       WatchAnswer{"watch rv=20", {line("ADDED", thingJson("a", "21"))}, {}},
       WatchAnswer{"watch rv=21", {}, {}}});
  EXPECT_THAT(sink.told, ElementsAre("replaced[] 7", "bookmark 20", "put a@21 21"));
  for (const int seconds : client->timeouts) {
    EXPECT_GE(seconds, 300);
    EXPECT_LE(seconds, 600);
  }
}

TEST_F(ReflectorTest, ListsInOnePieceWhenThePagesAreTooSlow) {
  run({ListAnswer{"list rv=0 limit=500", page({thingJson("stale", "1")}, "7", "t")},
       ListAnswer{"list continue=t limit=500", fail(Error{ErrorKind::Gone, "expired", 410})},
       ListAnswer{"list rv=0 limit=0", page({thingJson("a", "8")}, "9")},
       WatchAnswer{"watch rv=9", {}, {}}});
  EXPECT_THAT(sink.told, ElementsAre("replaced[a@8] 9"))
      << "a page of the abandoned list must not get in";
}

TEST_F(ReflectorTest, ListsAgainAfterGoneInTheStreamAndIgnoresTheRestOfIt) {
  run({ListAnswer{"list rv=0 limit=500", page({thingJson("a", "1")}, "7")},
       WatchAnswer{"watch rv=7", {goneLine(), line("ADDED", thingJson("late", "8"))}, {}},
       ListAnswer{"list rv=7 limit=0", page({thingJson("b", "50")}, "99")},
       WatchAnswer{"watch rv=99", {}, {}}});
  EXPECT_THAT(sink.told, ElementsAre("replaced[a@1] 7", "replaced[b@50] 99"));
  EXPECT_THAT(clock.sleeps(), IsEmpty()) << "410 is ordinary: no back-off";
}

TEST_F(ReflectorTest, AsksForTheNewestWhenTheLastVersionIsGoneForListsToo) {
  run({ListAnswer{"list rv=0 limit=500", page({}, "7")},
       WatchAnswer{"watch rv=7", {}, fail(Error{ErrorKind::Gone, "gone", 410})},
       ListAnswer{"list rv=7 limit=0", fail(Error{ErrorKind::Gone, "gone", 410})},
       ListAnswer{"list rv= limit=500", page({thingJson("a", "98")}, "99")},
       WatchAnswer{"watch rv=99", {}, fail(Error{ErrorKind::Gone, "gone", 410})},
       ListAnswer{"list rv=99 limit=0", page({}, "100")}, WatchAnswer{"watch rv=100", {}, {}}});
  EXPECT_THAT(sink.told, ElementsAre("replaced[] 7", "replaced[a@98] 99", "replaced[] 100"));
}

TEST_F(ReflectorTest, BacksOffLongerEachTimeUntilThirtySecondsPlusJitter) {
  std::vector<Answer> script;
  for (int i = 0; i < 10; ++i) {
    script.push_back(ListAnswer{"list rv=0 limit=500", fail(Error::transient("refused"))});
  }
  run(script);
  const auto sleeps = clock.sleeps();
  ASSERT_EQ(sleeps.size(), 10u);
  Duration base = 800ms;
  for (const Duration sleep : sleeps) {
    EXPECT_GE(sleep, base);
    EXPECT_LE(sleep, 2 * base);
    base = std::min<Duration>(2 * base, 30s);
  }
}

TEST_F(ReflectorTest, StartsTheBackOffAfreshAfterTwoMinutesOfHealth) {
  const Status broken = fail(Error::transient("reset"));
  run({ListAnswer{"list rv=0 limit=500", page({}, "7")}, WatchAnswer{"watch rv=7", {}, broken, 10s},
       WatchAnswer{"watch rv=7", {}, broken, 10s}, WatchAnswer{"watch rv=7", {}, broken, 10s},
       WatchAnswer{"watch rv=7", {}, broken, 3min}});
  const auto sleeps = clock.sleeps();
  ASSERT_EQ(sleeps.size(), 4u);
  EXPECT_GE(sleeps[2], 3200ms);
  EXPECT_LE(sleeps[3], 1600ms);
}

TEST_F(ReflectorTest, WatchesOnFromTheSameVersionWhenTheConnectionDrops) {
  run({ListAnswer{"list rv=0 limit=500", page({}, "7")},
       WatchAnswer{"watch rv=7",
                   {line("ADDED", thingJson("a", "8"))},
                   fail(Error::transient("connection reset"))},
       WatchAnswer{"watch rv=8", {line("MODIFIED", thingJson("a", "9"))}, {}},
       WatchAnswer{"watch rv=9", {}, {}}});
  EXPECT_THAT(sink.told, ElementsAre("replaced[] 7", "put a@8 8", "put a@9 9"));
  EXPECT_EQ(clock.sleeps().size(), 1u);
}

TEST_F(ReflectorTest, WaitsAsLongAsABusyServerAsks) {
  const Error busy{ErrorKind::Transient, "too many requests", 429, 40};
  run({ListAnswer{"list rv=0 limit=500", fail(busy)},
       ListAnswer{"list rv=0 limit=500", page({}, "7")}, WatchAnswer{"watch rv=7", {}, fail(busy)},
       WatchAnswer{"watch rv=7", {}, {}}});
  EXPECT_THAT(clock.sleeps(), ElementsAre(40s, 40s));
}

// A proxy that answers 200 with a page of its own, or a server that always says the same: asked
// again and again without a pause, it would cost a core.
TEST_F(ReflectorTest, BacksOffFromAServerThatTalksButTellsNothing) {
  for (const std::string nothing : {"<html>hello</html>", R"({"kind":"Status"})"}) {
    sink.told.clear();
    run({ListAnswer{"list rv=0 limit=500", page({}, "7")},
         WatchAnswer{"watch rv=7", {nothing, nothing}, {}, 5ms},
         ListAnswer{"list rv=7 limit=0", page({}, "7")},
         WatchAnswer{"watch rv=7", {bookmark("7")}, {}, 5ms},
         ListAnswer{"list rv=7 limit=0", page({}, "7")}, WatchAnswer{"watch rv=7", {}, {}}});
  }
  EXPECT_EQ(clock.sleeps().size(), 4u);
}

TEST_F(ReflectorTest, TreatsAVeryShortWatchAsAnError) {
  run({ListAnswer{"list rv=0 limit=500", page({}, "7")}, WatchAnswer{"watch rv=7", {}, {}, 50ms},
       ListAnswer{"list rv=7 limit=0", page({}, "7")}, WatchAnswer{"watch rv=7", {}, {}}});
  EXPECT_EQ(clock.sleeps().size(), 1u);
}

TEST_F(ReflectorTest, SkipsWhatItCannotReadAndGoesOn) {
  run({ListAnswer{"list rv=0 limit=500",
                  page({thingJson("a", "1"), thingJson("x", "2", "unreadable")}, "7")},
       WatchAnswer{"watch rv=7",
                   {"not json", line("RENAMED", thingJson("a", "8")),
                    line("MODIFIED", thingJson("a", "9", "unreadable")),
                    line("DELETED", thingJson("x", "10", "unreadable"))},
                   {}},
       WatchAnswer{"watch rv=10", {}, {}}});
  EXPECT_THAT(sink.told, ElementsAre("replaced[a@1,x?] 7", "bookmark 9", "erased x 10"));
}

TEST_F(ReflectorTest, TellsWhatIsThereButUnreadableAlsoFromAStream) {
  run({WatchAnswer{
           "watch rv= initial",
           {line("ADDED", thingJson("a", "1")), line("ADDED", thingJson("x", "2", "unreadable")),
            line("ADDED", thingJson("y", "3", "unreadable")),
            line("DELETED", thingJson("y", "4", "unreadable")), bookmark("60", true)},
           {}},
       WatchAnswer{"watch rv=60", {}, {}}},
      true);
  EXPECT_THAT(sink.told, ElementsAre("replaced[a@1,x?] 60"));
}

TEST_F(ReflectorTest, StreamsTheInitialListAndWatchesOnInTheSameStream) {
  run({WatchAnswer{"watch rv= initial",
                   {line("ADDED", thingJson("a", "50")), line("ADDED", thingJson("b", "3")),
                    line("ADDED", thingJson("c", "4")), line("DELETED", thingJson("c", "51")),
                    bookmark("60", true), line("MODIFIED", thingJson("b", "61"))},
                   {}},
       WatchAnswer{"watch rv=61", {goneLine()}, {}},
       WatchAnswer{"watch rv=61 initial", {bookmark("80", true)}, {}},
       WatchAnswer{"watch rv=80", {}, {}}},
      true);
  EXPECT_THAT(sink.told, ElementsAre("replaced[a@50,b@3] 60", "put b@61 61", "replaced[] 80"));
}

TEST_F(ReflectorTest, ForgetsAStreamThatEndedBeforeItWasComplete) {
  run({WatchAnswer{"watch rv= initial",
                   {line("ADDED", thingJson("a", "50"))},
                   fail(Error::transient("reset"))},
       WatchAnswer{
           "watch rv= initial", {line("ADDED", thingJson("b", "51")), bookmark("60", true)}, {}},
       WatchAnswer{"watch rv=60", {}, {}}},
      true);
  EXPECT_THAT(sink.told, ElementsAre("replaced[b@51] 60"));
}

TEST_F(ReflectorTest, ListsForEverOnceAServerRefusedToStream) {
  run({WatchAnswer{"watch rv= initial", {}, fail(Error{ErrorKind::Invalid, "forbidden", 422}), 1ms},
       ListAnswer{"list rv=0 limit=500", page({thingJson("a", "1")}, "7")},
       WatchAnswer{"watch rv=7", {goneLine()}, {}}, ListAnswer{"list rv=7 limit=0", page({}, "9")},
       WatchAnswer{"watch rv=9", {}, {}}},
      true);
  EXPECT_THAT(sink.told, ElementsAre("replaced[a@1] 7", "replaced[] 9"));
  EXPECT_THAT(clock.sleeps(), IsEmpty());
}

}  // namespace
}  // namespace vnic::cache
