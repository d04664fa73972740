// SPDX-License-Identifier: Apache-2.0
#include "runtime/event_series.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/manual_clock.h"
#include "support/time_format.h"

namespace vnic::runtime {
namespace {

using namespace std::chrono_literals;
using ::testing::IsEmpty;

Event event(const std::string& reason = "Reserved") {
  Event e;
  e.regarding = {"vnic.dev/v1alpha1", "VmMigration", "team-a", "move", "uid-1", "17"};
  e.reason = reason;
  e.action = "Reserve";
  e.note = "Reserved 2 VFs on host2";
  return e;
}

class EventSeriesTest : public ::testing::Test {
 protected:
  std::optional<EventWrite> observe(const Event& e) {
    return series.observe(e, clock.wall(), clock.now());
  }
  std::vector<EventWrite> maintain() { return series.maintain(clock.now()); }

  test::ManualClock clock;
  EventSeries series{"vnic.dev/vnic-operator", "pod-1"};
};

TEST_F(EventSeriesTest, TheFirstBecomesAnEventThatTheServerAccepts) {
  const auto write = observe(event());
  ASSERT_TRUE(write);
  EXPECT_TRUE(write->create);
  const auto& o = write->object;
  EXPECT_EQ(o["apiVersion"], "events.k8s.io/v1");
  EXPECT_EQ(o["metadata"]["namespace"], "team-a");
  EXPECT_EQ(o["metadata"]["name"], write->key.name);
  EXPECT_TRUE(write->key.name.starts_with("move."));
  EXPECT_EQ(o["eventTime"], formatMicroTime(clock.wall()));
  EXPECT_EQ(o["reportingController"], "vnic.dev/vnic-operator");
  EXPECT_EQ(o["reportingInstance"], "pod-1");
  EXPECT_EQ(o["type"], "Normal");
  EXPECT_EQ(o["reason"], "Reserved");
  EXPECT_EQ(o["action"], "Reserve");
  EXPECT_EQ(o["note"], "Reserved 2 VFs on host2");
  EXPECT_EQ(o["regarding"]["kind"], "VmMigration");
  EXPECT_EQ(o["regarding"]["uid"], "uid-1");
  EXPECT_FALSE(o.contains("series"));
}

TEST_F(EventSeriesTest, TheSecondMakesASeriesAndFurtherOnesAreCounted) {
  const auto first = observe(event());
  clock.advance(1s);
  const auto second = observe(event());
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->create);
  EXPECT_EQ(second->key, first->key);
  EXPECT_EQ(second->object["series"]["count"], 2);
  EXPECT_EQ(second->object["series"]["lastObservedTime"], formatMicroTime(clock.wall()));
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(observe(event()));
  EXPECT_THAT(maintain(), IsEmpty());
}

TEST_F(EventSeriesTest, WritesARunningSeriesEveryThirtyMinutes) {
  observe(event());
  observe(event());
  std::vector<int> counts;
  for (int minute = 1; minute <= 61; ++minute) {
    clock.advance(1min);
    observe(event());
    for (const auto& write : maintain()) counts.push_back(write.object["series"]["count"]);
  }
  EXPECT_EQ(counts, (std::vector<int>{32, 62}));
}

TEST_F(EventSeriesTest, WritesTheLastCountAfterSixMinutesOfSilenceAndForgets) {
  observe(event());
  observe(event());
  observe(event());
  clock.advance(6min - 1s);
  EXPECT_THAT(maintain(), IsEmpty());
  clock.advance(1s);
  const auto last = maintain();
  ASSERT_EQ(last.size(), 1u);
  EXPECT_EQ(last[0].object["series"]["count"], 3);
  EXPECT_EQ(series.size(), 0u);
  EXPECT_TRUE(observe(event())->create) << "later it is a new event";
}

TEST_F(EventSeriesTest, ASingleEventIsForgottenWithoutAWrite) {
  observe(event());
  clock.advance(6min);
  EXPECT_THAT(maintain(), IsEmpty());
  EXPECT_EQ(series.size(), 0u);
}

TEST_F(EventSeriesTest, AfterSilenceANewEventBeginsAlsoBeforeMaintenance) {
  const auto first = observe(event());
  clock.advance(7min);
  const auto later = observe(event());
  EXPECT_TRUE(later->create);
  EXPECT_NE(later->key, first->key);
}

struct Difference {
  const char* what;
  std::function<void(Event&)> change;
  bool same;
};
class DifferenceTest : public EventSeriesTest, public ::testing::WithParamInterface<Difference> {};

TEST_P(DifferenceTest, DecidesWhatIsTheSameEvent) {
  observe(event());
  Event other = event();
  GetParam().change(other);
  EXPECT_EQ(observe(other)->create, !GetParam().same) << GetParam().what;
}

INSTANTIATE_TEST_SUITE_P(
    All, DifferenceTest,
    ::testing::Values(Difference{"note", [](Event& e) { e.note = "another"; }, true},
                      Difference{"version", [](Event& e) { e.regarding.resourceVersion = "18"; },
                                 true},
                      Difference{"reason", [](Event& e) { e.reason = "Other"; }, false},
                      Difference{"action", [](Event& e) { e.action = "Other"; }, false},
                      Difference{"type", [](Event& e) { e.type = EventType::Warning; }, false},
                      Difference{"object", [](Event& e) { e.regarding.name = "other"; }, false},
                      Difference{"namesake", [](Event& e) { e.regarding.uid = "uid-2"; }, false},
                      Difference{"related", [](Event& e) { e.related = e.regarding; }, false}));

TEST_F(EventSeriesTest, RemembersSoManyAndForgetsTheOneThatIsSilentLongest) {
  const auto named = [](std::size_t number) { return event("R" + std::to_string(number)); };
  for (std::size_t i = 0; i < EventSeries::kMaxSeries; ++i) {
    observe(named(i));
    clock.advance(1ms);
  }
  observe(named(0));  // no longer the most silent
  EXPECT_TRUE(observe(event("OneMore"))->create);
  EXPECT_EQ(series.size(), EventSeries::kMaxSeries);
  EXPECT_FALSE(observe(named(2))->create) << "still a series";
  EXPECT_TRUE(observe(named(1))->create) << "was forgotten";
  for (int i = 0; i < 10'000; ++i) observe(event("Flood" + std::to_string(i)));
  EXPECT_EQ(series.size(), EventSeries::kMaxSeries);
}

TEST_F(EventSeriesTest, KeepsWithinTheServersLimits) {
  Event e = event(std::string(200, 'R'));
  e.action = std::string(200, 'A');
  e.regarding.name = std::string(253, 'n');
  e.note = "x";
  for (int i = 0; i < 600; ++i) e.note += "\xc3\xa4";  // two bytes each
  const auto write = observe(e);
  EXPECT_EQ(write->object["reason"].get<std::string>().size(), 128u);
  EXPECT_EQ(write->object["action"].get<std::string>().size(), 128u);
  EXPECT_LE(write->key.name.size(), 253u);
  EXPECT_EQ(write->object["note"].get<std::string>().size(), 1023u) << "not half a character";
  const auto other = EventSeries("c", std::string(200, 'i')).observe(e, clock.wall(), clock.now());
  EXPECT_EQ(other->object["reportingInstance"].get<std::string>().size(), 128u);
}

TEST_F(EventSeriesTest, TakesAnyBytesFromHostsAndGuests) {
  Event e = event();
  e.note = "guest said \xff\xfe";
  EXPECT_NO_THROW((void)observe(e)->object.dump());
}

TEST_F(EventSeriesTest, AnActionIsRequiredSoTheReasonStandsInForIt) {
  Event e = event();
  e.action.clear();
  EXPECT_EQ(observe(e)->object["action"], "Reserved");
}

TEST_F(EventSeriesTest, EventsOfClusterScopedObjectsGoToTheNamespaceDefault) {
  Event e = event();
  e.regarding.ns.clear();
  const auto write = observe(e);
  EXPECT_EQ(write->key.ns, "default");
  EXPECT_FALSE(write->object["regarding"].contains("namespace"));
}

TEST_F(EventSeriesTest, NamesDifferAlsoAtTheSameMoment) {
  EXPECT_NE(observe(event("A"))->key, observe(event("B"))->key);
}

}  // namespace
}  // namespace vnic::runtime
