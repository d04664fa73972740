// SPDX-License-Identifier: Apache-2.0
#include "cache/informer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "support/manual_clock.h"
#include "unit/cache/scripted_client.h"
#include "unit/cache/thing.h"

namespace vnic::cache {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

constexpr Duration kPatience = 10s;

std::string list(const std::string& items, const std::string& version) {
  return R"({"metadata":{"resourceVersion":")" + version + R"("},"items":[)" + items + "]}";
}
std::string event(const std::string& type, const std::string& object) {
  return R"({"type":")" + type + R"(","object":)" + object + "}";
}

class InformerTest : public ::testing::Test {
 protected:
  // Lists a and b, then: c new, a red, a touched, b gone, 410, list with c gone.
  InformerTest()
      : client(clock,
               {ListAnswer{"list rv=0 limit=500",
                           list(thingJson("a", "1") + "," + thingJson("b", "2"), "7")},
                WatchAnswer{"watch rv=7",
                            {event("ADDED", thingJson("c", "8")),
                             event("MODIFIED", thingJson("a", "9", "red")),
                             event("DELETED", thingJson("b", "10")),
                             event("ERROR", R"({"code":410,"reason":"Expired","message":"x"})")},
                            {}},
                ListAnswer{"list rv=10 limit=0", list(thingJson("a", "9", "red"), "20")}}),
        informer({}, client, clock, Logger()) {
    client.onEnd = [this] {
      if (!ended) over.set_value();
      ended = true;
    };
  }

  // Runs the script to its end and stops.
  void runScript() {
    auto done = over.get_future();
    informer.start();
    ASSERT_EQ(done.wait_for(kPatience), std::future_status::ready);
    informer.stop();
  }

  test::ManualClock clock;
  ScriptedClient client;
  std::promise<void> over;
  bool ended = false;
  Informer<Thing> informer;
};

TEST_F(InformerTest, TellsEveryChangeWithOldAndNewAfterTheStoreHasIt) {
  std::vector<std::string> told;
  bool storeBehind = false;
  informer.onChange([&](const Change<Thing>& change) {
    told.push_back(change.key().name + " " +
                   (change.before ? change.before->metadata.resourceVersion : "-") + ">" +
                   (change.after ? change.after->metadata.resourceVersion : "-") +
                   (change.initial ? " initial" : ""));
    if (informer.store().get(change.key()) != change.after) storeBehind = true;
  });
  runScript();
  std::sort(told.begin(), told.begin() + 2);
  EXPECT_THAT(told,
              ElementsAre("a ->1 initial", "b ->2 initial", "c ->8", "a 1>9", "b 2>-", "c 8>-"));
  EXPECT_FALSE(storeBehind);
  EXPECT_EQ(informer.resourceVersion(), "20");
}

TEST_F(InformerTest, IsSyncedOnceTheInitialListWasTold) {
  std::vector<bool> syncedWhenTold;
  informer.onChange([&](const Change<Thing>& change) {
    if (change.initial) syncedWhenTold.push_back(informer.hasSynced());
  });
  EXPECT_FALSE(informer.waitForSync(1ms, {}));
  EXPECT_EQ(informer.resourceVersion(), "");
  informer.start();
  EXPECT_TRUE(informer.waitForSync(kPatience, {}));
  informer.stop();
  EXPECT_THAT(syncedWhenTold, ElementsAre(false, false));
}

TEST_F(InformerTest, WaitingForTheListCanBeStopped) {
  std::stop_source stop;
  auto waiting =
      std::async(std::launch::async, [&] { return informer.waitForSync(10min, stop.get_token()); });
  stop.request_stop();
  ASSERT_EQ(waiting.wait_for(kPatience), std::future_status::ready);
  EXPECT_FALSE(waiting.get());
}

TEST_F(InformerTest, ReplaysWhatItHasAsUnchanged) {
  runScript();
  Informer<Thing>& stopped = informer;
  std::vector<std::string> told;
  Informer<Thing> fresh({}, client, clock, Logger());
  fresh.onChange([&](const Change<Thing>& change) {
    told.push_back(change.key().name + (change.unchanged() ? " unchanged" : ""));
  });
  fresh.store().put(stopped.store().get({"ns", "a"}));
  fresh.replay();
  EXPECT_THAT(told, ElementsAre("a unchanged"));
}

// Taken for deleted, a holder whose new fields we do not understand would lose what it holds.
TEST(InformerKeeps, WhatItKnewOfAnObjectThatBecameUnreadable) {
  test::ManualClock clock;
  ScriptedClient client(
      clock, {ListAnswer{"list rv=0 limit=500", list(thingJson("a", "1", "red"), "7")},
              WatchAnswer{"watch rv=7", {}, fail(Error{ErrorKind::Gone, "gone", 410})},
              ListAnswer{"list rv=7 limit=0", list(thingJson("a", "8", "unreadable"), "20")},
              WatchAnswer{"watch rv=20", {}, {}}});
  std::promise<void> over;
  std::once_flag once;
  client.onEnd = [&] { std::call_once(once, [&] { over.set_value(); }); };
  Informer<Thing> informer({}, client, clock, Logger());
  std::vector<std::string> told;
  informer.onChange([&](const Change<Thing>& change) {
    told.push_back(change.key().name + (change.after ? "" : " gone"));
  });
  informer.start();
  ASSERT_EQ(over.get_future().wait_for(kPatience), std::future_status::ready);
  informer.stop();
  EXPECT_THAT(told, ElementsAre("a"));
  ASSERT_TRUE(informer.store().get({"ns", "a"}));
  EXPECT_EQ(informer.store().get({"ns", "a"})->colour, "red");
}

TEST_F(InformerTest, RefusesHandlersThatWouldMissChanges) {
  informer.start();
  EXPECT_THROW(informer.onChange([](const Change<Thing>&) {}), std::logic_error);
  informer.stop();
}

}  // namespace
}  // namespace vnic::cache
