// SPDX-License-Identifier: Apache-2.0
// Leader election in virtual time: a sleep of the elector moves the clock and returns at once, and
// what the world does meanwhile hangs on the requests. Main thread and elector meet in Gate.
#include "runtime/leader_elector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "kube/typed.h"
#include "support/fake_kube_client.h"
#include "support/manual_clock.h"
#include "support/time_format.h"
#include "unit/runtime/hooked_client.h"
#include "unit/runtime/scrape.h"

namespace vnic::runtime {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::Each;
using ::testing::MatchesRegex;

constexpr Duration kPatience = 10s;
const api::ObjectKey kLease{"operator", "vnic-operator"};

// Holds the elector's thread in a request until the test has looked around.
class Gate {
 public:
  void hold() {
    if (held_) return;
    held_ = true;
    reached_.set_value();
    opened_.get_future().wait();
  }
  bool waitUntilReached() {
    return reached_.get_future().wait_for(kPatience) == std::future_status::ready;
  }
  void open() { opened_.set_value(); }

 private:
  bool held_ = false;
  std::promise<void> reached_;
  std::promise<void> opened_;
};

class LeaderElectorTest : public ::testing::Test {
 protected:
  static LeaderElector::Options options() {
    LeaderElector::Options o;
    o.ns = kLease.ns;
    o.identity = "us";
    return o;
  }

  // A Lease as somebody else wrote it.
  LeaseRecord othersRecord(const std::string& renewTime) const {
    return {"other", 15, renewTime, renewTime, 3};
  }
  void otherWrites(const LeaseRecord& record) {
    const auto current = kube::getObject<Lease>(server, kLease);
    if (!current) {
      api::ObjectMeta meta;
      meta.ns = kLease.ns;
      meta.name = kLease.name;
      ASSERT_TRUE(kube::createObject<Lease>(server, meta, toJson(record)));
      return;
    }
    nlohmann::json body = kube::objectFrame(Lease::resource, kLease);
    body["spec"] = toJson(record);
    ASSERT_TRUE(server.update(Lease::resource, body));
  }
  Lease lease() { return kube::getObject<Lease>(server, kLease).value(); }
  Duration elapsed() const { return clock.now() - begin; }
  std::optional<double> leadingMetric() {
    return scrape(metrics, "leader_election_master_status", {{"name", "vnic-operator"}});
  }
  std::optional<double> slowPaths() {
    return scrape(metrics, "leader_election_slowpath_total", {{"name", "vnic-operator"}});
  }
  bool waitUntilLost() { return lost.get_future().wait_for(kPatience) == std::future_status::ready; }
  void start() {
    elector.start([this] { lost.set_value(); });
  }
  bool lead() {
    start();
    std::stop_source patience;
    std::jthread limit([&patience](std::stop_token done) {
      if (SystemClock().sleepFor(kPatience, done)) patience.request_stop();
    });
    return elector.waitUntilLeading(patience.get_token());
  }

  test::ManualClock clock;
  const MonoTime begin = clock.now();
  test::FakeKubeClient server;
  HookedClient client{server};
  Metrics metrics;
  std::promise<void> lost;
  LeaderElector elector{options(), client, clock, metrics.leader("vnic-operator"), Logger()};
};

// --- Acquiring.

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

INSTANTIATE_TEST_SUITE_P(
    All, ForeignTimeTest,
    ::testing::Values(ForeignTime{"long past", "1990-01-01T00:00:00.000000Z"},
                      ForeignTime{"far ahead", "2200-01-01T00:00:00.000000Z"}));

TEST_F(LeaderElectorTest, TakesNothingFromALeaderThatRenews) {
  otherWrites(othersRecord("2020-01-01T00:00:00.000000Z"));
  Duration lastRenewal{};
  Duration taken{};
  int renewals = 0;
  client.hook = [&](const std::string& verb) -> std::optional<Error> {
    if (verb == "update" && taken == 0s) taken = elapsed();
    if (verb == "get" && elapsed() < 2min && elapsed() - lastRenewal > 8s) {
      lastRenewal = elapsed();
      otherWrites(othersRecord("2020-01-01T00:00:00.00000" + std::to_string(++renewals % 10) + "Z"));
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

// --- Holding.

TEST_F(LeaderElectorTest, RenewsEveryTwoSecondsByOneWrite) {
  Gate gate;
  std::vector<std::string> verbs;
  client.hook = [&](const std::string& verb) -> std::optional<Error> {
    if (elapsed() >= 1min) gate.hold();
    if (elapsed() > 0s) verbs.push_back(verb);
    return std::nullopt;
  };
  ASSERT_TRUE(lead());
  ASSERT_TRUE(gate.waitUntilReached());
  EXPECT_EQ(verbs.size(), 29u);
  EXPECT_THAT(verbs, Each("update"));
  const LeaseRecord record = lease().spec;
  EXPECT_LT(record.acquireTime, record.renewTime);
  EXPECT_EQ(record.transitions, 0);
  EXPECT_EQ(slowPaths(), 0);
  gate.open();
  elector.stop();
}

TEST_F(LeaderElectorTest, ReadsAgainWhenSomebodyTouchedTheLease) {
  Gate gate;
  bool touched = false;
  client.hook = [&](const std::string& verb) -> std::optional<Error> {
    if (verb == "update" && !touched) {
      touched = true;
      EXPECT_TRUE(server.patch(Lease::resource, kLease, kube::PatchType::Merge,
                               {{"metadata", {{"labels", {{"team", "a"}}}}}}, {}));
    }
    if (elapsed() >= 10s) gate.hold();
    return std::nullopt;
  };
  ASSERT_TRUE(lead());
  ASSERT_TRUE(gate.waitUntilReached());
  EXPECT_EQ(slowPaths(), 1);
  EXPECT_TRUE(elector.leading());
  EXPECT_EQ(lease().metadata.labels.at("team"), "a") << "a renewal must not undo what others wrote";
  EXPECT_EQ(lease().spec.transitions, 0);
  gate.open();
  elector.stop();
}

TEST_F(LeaderElectorTest, CountsTheTimeLeftFromWhenTheRenewalWasSent) {
  Gate gate;
  client.hook = [&](const std::string& verb) -> std::optional<Error> {
    if (verb == "create") clock.advance(4s);  // a slow answer
    if (verb == "update") gate.hold();
    return std::nullopt;
  };
  ASSERT_TRUE(lead());
  ASSERT_TRUE(gate.waitUntilReached());
  EXPECT_EQ(elector.timeLeft(), 15s - 4s - 2s);
  clock.advance(8s);
  EXPECT_EQ(elector.timeLeft(), 1s);
  clock.advance(2s);
  EXPECT_EQ(elector.timeLeft(), 0s);
  EXPECT_FALSE(elector.leading());
  EXPECT_EQ(elector.stuck(), std::nullopt);
  clock.advance(20s);
  EXPECT_NE(elector.stuck(), std::nullopt) << "never noticed: the process has to be restarted";
  gate.open();
  elector.stop();
}

// --- Losing.

TEST_F(LeaderElectorTest, GivesUpWhenItCannotRenewForTenSeconds) {
  Duration gaveUp{};
  client.hook = [&](const std::string&) -> std::optional<Error> {
    if (elapsed() == 0s) return std::nullopt;
    gaveUp = elapsed();
    return Error::transient("away");
  };
  start();
  ASSERT_TRUE(waitUntilLost());
  EXPECT_EQ(gaveUp, 10s);
  EXPECT_EQ(elector.timeLeft(), 0s);
  EXPECT_EQ(leadingMetric(), 0);
  const auto writes = server.writes().size();
  elector.stop();
  EXPECT_EQ(server.writes().size(), writes) << "a lost Lease is not ours to release";
}

TEST_F(LeaderElectorTest, GivesUpBeforeTheLeaseEndsWhenRequestsHang) {
  client.hook = [&](const std::string&) -> std::optional<Error> {
    if (elapsed() == 0s) return std::nullopt;
    clock.advance(5s);  // the request's own deadline
    return Error::transient("timed out");
  };
  start();
  ASSERT_TRUE(waitUntilLost());
  EXPECT_GE(elapsed(), 10s);
  EXPECT_LT(elapsed(), 15s);
}

TEST_F(LeaderElectorTest, SurvivesAnOutageShorterThanTheDeadline) {
  Gate gate;
  client.hook = [&](const std::string&) -> std::optional<Error> {
    if (elapsed() > 20s && elapsed() < 29s) return Error::transient("away");
    if (elapsed() >= 40s) gate.hold();
    return std::nullopt;
  };
  ASSERT_TRUE(lead());
  ASSERT_TRUE(gate.waitUntilReached());
  EXPECT_TRUE(elector.leading());
  EXPECT_EQ(lease().spec.transitions, 0);
  gate.open();
  elector.stop();
}

TEST_F(LeaderElectorTest, GivesUpAtOnceWhenItSeesAnotherHolder) {
  client.hook = [&](const std::string& verb) -> std::optional<Error> {
    if (verb == "update") otherWrites(othersRecord("2020-01-01T00:00:00.000000Z"));
    return std::nullopt;
  };
  start();
  ASSERT_TRUE(waitUntilLost());
  EXPECT_EQ(elapsed(), 2s);
  elector.stop();
  EXPECT_EQ(lease().spec.holder, "other");
}

// --- Releasing.

TEST_F(LeaderElectorTest, ReleasesOnStop) {
  ASSERT_TRUE(lead());
  elector.stop();
  const LeaseRecord record = lease().spec;
  EXPECT_EQ(record.holder, "");
  EXPECT_EQ(record.durationSeconds, 1);
  EXPECT_EQ(leadingMetric(), 0);
  EXPECT_EQ(elector.timeLeft(), 0s);
}

TEST_F(LeaderElectorTest, ReleasesAlthoughSomebodyTouchedTheLease) {
  int touches = 0;
  client.hook = [&](const std::string& verb) -> std::optional<Error> {
    if (verb == "update" && client.body["spec"]["holderIdentity"] == "" && touches < 2) {
      EXPECT_TRUE(server.patch(Lease::resource, kLease, kube::PatchType::Merge,
                               {{"metadata", {{"labels", {{"n", std::to_string(++touches)}}}}}},
                               {}));
    }
    return std::nullopt;
  };
  ASSERT_TRUE(lead());
  elector.stop();
  EXPECT_EQ(touches, 2);
  EXPECT_EQ(lease().spec.holder, "");
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

TEST(LeaderIdentity, IsNeverTheSameTwice) { EXPECT_NE(leaderIdentity(), leaderIdentity()); }

}  // namespace
}  // namespace vnic::runtime
