// SPDX-License-Identifier: Apache-2.0
#include "unit/runtime/leader_election.h"

namespace vnic::runtime {
namespace {

using ::testing::Each;

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

TEST_F(LeaderElectorTest, DoesNotHoldUpTheEndForAServerThatDoesNotAnswer) {
  int tries = 0;
  client.hook = [&](const std::string& verb) -> std::optional<Error> {
    if (tries == 0 && (verb != "update" || client.body["spec"]["holderIdentity"] != "")) {
      return std::nullopt;
    }
    ++tries;
    clock.advance(5s);  // the request's own deadline
    return Error::transient("timed out");
  };
  ASSERT_TRUE(lead());
  elector.stop();
  EXPECT_EQ(tries, 1);
  EXPECT_EQ(elector.timeLeft(), 0s);
}

}  // namespace
}  // namespace vnic::runtime
