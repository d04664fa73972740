// SPDX-License-Identifier: Apache-2.0
#include "unit/runtime/leader_election.h"

namespace vnic::runtime {
namespace {

using ::testing::MatchesRegex;

TEST_F(LeaderElectorTest, MakesTheLeaseThatIsNotThere) {
  Gate gate;
  client.hook = [&](const std::string& verb) -> std::optional<Error> {
    if (verb == "update") gate.hold();
    return std::nullopt;
  };
  ASSERT_TRUE(lead());
  ASSERT_TRUE(gate.waitUntilReached());
  const LeaseRecord record = lease().spec;
  EXPECT_EQ(record.holder, "us");
  EXPECT_EQ(record.durationSeconds, 15);
  EXPECT_EQ(record.transitions, 0);
  EXPECT_EQ(record.acquireTime, record.renewTime);
  EXPECT_THAT(record.renewTime, MatchesRegex(".*T.*\\.[0-9]{6}Z"))
      << "the API server refuses any other number of decimals";
  EXPECT_EQ(leadingMetric(), 1);
  EXPECT_EQ(elector.leader(), "us");
  gate.open();
  elector.stop();
}

struct ForeignTime {
  const char* what;
  const char* renewTime;
};
class ForeignTimeTest : public LeaderElectorTest,
                        public ::testing::WithParamInterface<ForeignTime> {};

TEST_P(ForeignTimeTest, WaitsTheWholeDurationByItsOwnClock) {
  otherWrites(othersRecord(GetParam().renewTime));
  Duration firstSeen{-1};
  Duration taken{};
  client.hook = [&](const std::string& verb) -> std::optional<Error> {
    if (verb == "get" && firstSeen < 0s) firstSeen = elapsed();
    if (verb == "update" && taken == 0s) taken = elapsed();
    return std::nullopt;
  };
  ASSERT_TRUE(lead());
  elector.stop();
  EXPECT_GE(taken - firstSeen, 15s);
  EXPECT_LE(taken - firstSeen, 15s + 4400ms) << "two seconds and the jitter are the longest wait";
}

INSTANTIATE_TEST_SUITE_P(All, ForeignTimeTest,
                         ::testing::Values(ForeignTime{"long past", "1990-01-01T00:00:00.000000Z"},
                                           ForeignTime{"far ahead",
                                                       "2200-01-01T00:00:00.000000Z"}));

TEST_F(LeaderElectorTest, TakesNothingFromALeaderThatRenews) {
  otherWrites(othersRecord("2020-01-01T00:00:00.000000Z"));
  Duration lastRenewal{};
  Duration taken{};
  int renewals = 0;
  client.hook = [&](const std::string& verb) -> std::optional<Error> {
    if (verb == "update" && taken == 0s) taken = elapsed();
    if (verb == "get" && elapsed() < 2min && elapsed() - lastRenewal > 8s) {
      lastRenewal = elapsed();
      otherWrites(
          othersRecord("2020-01-01T00:00:00.00000" + std::to_string(++renewals % 10) + "Z"));
    }
    return std::nullopt;
  };
  ASSERT_TRUE(lead());
  elector.stop();
  EXPECT_GE(taken, lastRenewal + 15s);
  EXPECT_GT(renewals, 8);
}

TEST_F(LeaderElectorTest, TakesAReleasedLeaseAtOnceAndCountsTheTransition) {
  otherWrites({"", 1, "2020-01-01T00:00:00.000000Z", "2020-01-01T00:00:00.000000Z", 3});
  Gate gate;
  int updates = 0;
  client.hook = [&](const std::string& verb) -> std::optional<Error> {
    if (verb == "update" && ++updates == 2) gate.hold();
    return std::nullopt;
  };
  ASSERT_TRUE(lead());
  ASSERT_TRUE(gate.waitUntilReached());
  EXPECT_EQ(elapsed(), 2s) << "held at the first renewal";
  EXPECT_EQ(lease().spec.transitions, 4);
  EXPECT_EQ(lease().spec.durationSeconds, 15);
  gate.open();
  elector.stop();
}

TEST_F(LeaderElectorTest, LosesTheRaceForAReleasedLease) {
  otherWrites({"", 1, "", "", 3});
  std::promise<void> followed;
  bool raced = false;
  int gets = 0;
  client.hook = [&](const std::string& verb) -> std::optional<Error> {
    if (verb == "update" && !raced) {
      raced = true;
      otherWrites(othersRecord("2020-01-01T00:00:00.000000Z"));
    }
    if (verb == "get" && ++gets == 3) followed.set_value();
    return std::nullopt;
  };
  elector.start([] {});
  ASSERT_EQ(followed.get_future().wait_for(kPatience), std::future_status::ready);
  elector.stop();
  EXPECT_TRUE(raced);
}

TEST_F(LeaderElectorTest, StopsWhileItFollows) {
  client.hook = [](const std::string&) { return Error::transient("away"); };
  auto waiting = std::async(std::launch::async, [this] { return elector.waitUntilLeading({}); });
  elector.start([] {});
  elector.stop();
  ASSERT_EQ(waiting.wait_for(kPatience), std::future_status::ready);
  EXPECT_FALSE(waiting.get());
}

struct OptionCase {
  const char* what;
  std::function<void(LeaderElector::Options&)> change;
  bool valid;
};
class OptionTest : public ::testing::TestWithParam<OptionCase> {};

TEST_P(OptionTest, AreChecked) {
  LeaderElector::Options o;
  o.ns = "operator";
  o.identity = "us";
  GetParam().change(o);
  EXPECT_EQ(LeaderElector::validate(o).has_value(), GetParam().valid) << GetParam().what;
}

using O = LeaderElector::Options;
INSTANTIATE_TEST_SUITE_P(
    All, OptionTest,
    ::testing::Values(
        OptionCase{"defaults", [](O&) {}, true},
        OptionCase{"lease = deadline", [](O& o) { o.leaseDuration = 10s; }, false},
        OptionCase{"deadline within jitter", [](O& o) { o.renewDeadline = 2400ms; }, false},
        OptionCase{"deadline just outside", [](O& o) { o.renewDeadline = 2401ms; }, true},
        OptionCase{"no retry period", [](O& o) { o.retryPeriod = 0s; }, false},
        OptionCase{"half seconds", [](O& o) { o.leaseDuration = 15500ms; }, false},
        OptionCase{"no identity", [](O& o) { o.identity.clear(); }, false},
        OptionCase{"no namespace", [](O& o) { o.ns.clear(); }, false}));

TEST(LeaderIdentity, IsNeverTheSameTwice) {
  EXPECT_NE(leaderIdentity(), leaderIdentity());
}

}  // namespace
}  // namespace vnic::runtime
