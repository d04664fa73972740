// SPDX-License-Identifier: Apache-2.0
#include "cache/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "unit/cache/thing.h"

namespace vnic::cache {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

std::vector<std::string> names(const std::vector<std::shared_ptr<const Thing>>& things) {
  std::vector<std::string> result;
  for (const auto& t : things) result.push_back(t->metadata.name);
  return result;
}

// "+a" new, "~a" changed, "-a" gone.
std::vector<std::string> told(const std::vector<Change<Thing>>& changes) {
  std::vector<std::string> result;
  for (const auto& change : changes) {
    const char* sign = !change.before ? "+" : !change.after ? "-" : "~";
    result.push_back(sign + change.key().name);
  }
  return result;
}

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() {
    store.addIndex("colour", [](const Thing& t) {
      return t.colour == "none" ? std::vector<std::string>{} : std::vector{t.colour};
    });
  }
  Store<Thing> store;
};

TEST_F(StoreTest, PutsGetsAndErases) {
  EXPECT_EQ(store.get({"ns", "a"}), nullptr);
  EXPECT_EQ(store.put(thing("a", "1")), nullptr);
  const auto first = store.get({"ns", "a"});
  EXPECT_EQ(store.put(thing("a", "2")), first);
  EXPECT_EQ(store.get({"ns", "a"})->metadata.resourceVersion, "2");
  EXPECT_EQ(store.size(), 1u);
  EXPECT_EQ(store.erase({"ns", "a"})->metadata.resourceVersion, "2");
  EXPECT_EQ(store.erase({"ns", "a"}), nullptr);
  EXPECT_EQ(store.size(), 0u);
  EXPECT_EQ(first->metadata.resourceVersion, "1") << "who holds an object keeps it as it was";
}

TEST_F(StoreTest, FindsByIndexWhatIsThereNow) {
  store.put(thing("b", "1", "red"));
  store.put(thing("a", "1", "red"));
  store.put(thing("c", "1", "blue"));
  store.put(thing("d", "1"));
  EXPECT_THAT(names(store.byIndex("colour", "red")), ElementsAre("a", "b"));
  store.put(thing("a", "2", "blue"));
  EXPECT_THAT(names(store.byIndex("colour", "red")), ElementsAre("b"));
  EXPECT_THAT(names(store.byIndex("colour", "blue")), ElementsAre("a", "c"));
  EXPECT_EQ(store.byIndex("colour", "blue")[0]->metadata.resourceVersion, "2");
  store.erase({"ns", "b"});
  EXPECT_THAT(store.byIndex("colour", "red"), IsEmpty());
  store.replace({thing("e", "3", "red")});
  EXPECT_THAT(names(store.byIndex("colour", "red")), ElementsAre("e"));
  EXPECT_THAT(store.byIndex("colour", "blue"), IsEmpty());
}

TEST_F(StoreTest, RefusesAnIndexThatWouldMissObjects) {
  store.put(thing("a", "1"));
  EXPECT_THROW(store.addIndex("late", [](const Thing&) { return std::vector<std::string>{}; }),
               std::logic_error);
  EXPECT_THROW((void)store.byIndex("unknown", "x"), std::out_of_range);
}

TEST_F(StoreTest, ReplaceTellsWhatIsNewChangedAndGone) {
  store.put(thing("same", "1"));
  store.put(thing("changed", "2"));
  store.put(thing("gone", "3"));
  store.put(thing("namesake", "4", "none", "old-uid"));
  const auto changes = store.replace({thing("same", "1"), thing("changed", "5"), thing("new", "6"),
                                      thing("namesake", "4", "none", "new-uid")});
  EXPECT_THAT(told(changes), UnorderedElementsAre("~changed", "+new", "-gone", "~namesake"));
  EXPECT_THAT(names(store.list()), UnorderedElementsAre("same", "changed", "new", "namesake"));
}

TEST_F(StoreTest, ReadersNeverSeeAHalfReplacedStore) {
  const std::vector<std::shared_ptr<const Thing>> even{thing("a", "1", "red"),
                                                       thing("b", "1", "red")};
  const std::vector<std::shared_ptr<const Thing>> odd{thing("c", "1", "red"),
                                                      thing("d", "1", "red")};
  store.replace(even);
  std::atomic<bool> mixed = false;
  {
    std::jthread reader([&](std::stop_token stop) {
      while (!stop.stop_requested()) {
        for (const auto& seen : {names(store.list()), names(store.byIndex("colour", "red"))}) {
          const bool old = std::count(seen.begin(), seen.end(), "a") != 0;
          const bool fresh = std::count(seen.begin(), seen.end(), "c") != 0;
          if (seen.size() != 2 || old == fresh) mixed = true;
        }
      }
    });
    for (int i = 0; i < 500; ++i) {
      store.replace(odd);
      store.replace(even);
    }
  }
  EXPECT_FALSE(mixed);
}

}  // namespace
}  // namespace vnic::cache
