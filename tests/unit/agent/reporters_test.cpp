// SPDX-License-Identifier: Apache-2.0
#include "agent/reporters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kube/typed.h"
#include "runtime/agent_lease.h"
#include "support/fake_kube_client.h"
#include "support/manual_clock.h"

namespace vnic::agent {
namespace {

using namespace std::chrono_literals;
using test::FakeKubeClient;
using testing::ElementsAre;
using testing::IsEmpty;

const api::ObjectKey kKey{"", "host1.0000-01-10.0"};
const Verdict kPinned{"StandbyPinned", api::ConditionStatus::True, "Pinned", "open"};

class ReservationReports : public testing::Test {
 protected:
  ReservationReports() {
    api::VfReservation reservation;
    reservation.metadata.name = kKey.name;
    client_.add(reservation);
  }
  void publish(std::vector<Verdict> verdicts) {
    Report report;
    report.generation = 1;
    report.verdicts = std::move(verdicts);
    board_.publish({{kKey.name, report}});
    reconcile();
  }
  void reconcile() {
    client_.sync(store_);
    ASSERT_TRUE(reporter_.reconcile(kKey, {}));
  }
  api::Conditions conditions() { return client_.find<api::VfReservation>(kKey)->status.conditions; }

  FakeKubeClient client_;
  cache::Store<api::VfReservation> store_;
  test::ManualClock clock_;
  Board board_;
  ReservationReporter reporter_{board_, store_, client_, clock_};
};

TEST_F(ReservationReports, AreWrittenOnce) {
  publish({kPinned});
  ASSERT_EQ(conditions().size(), 1u);
  EXPECT_EQ(conditions()[0].observedGeneration, 1);
  client_.forgetWrites();
  clock_.advance(1h);
  reconcile();
  EXPECT_THAT(client_.writes(), IsEmpty());
}

TEST_F(ReservationReports, AreWithdrawnWhenThereIsNothingToSay) {
  publish({kPinned});
  publish({});
  EXPECT_THAT(conditions(), IsEmpty());
  client_.forgetWrites();
  reconcile();
  EXPECT_THAT(client_.writes(), IsEmpty());
}

TEST_F(ReservationReports, SayNothingOfReservationsThatWereNotLookedAt) {
  reconcile();
  publish({});
  EXPECT_THAT(client_.writes(), IsEmpty());
}

TEST(HostReports, ShareTheStatusWithTheOperator) {
  FakeKubeClient client;
  api::VmHost host;
  host.metadata.name = "host1";
  host = client.add(host);
  api::VmHostStatus operators;
  operators.observedGeneration = 1;
  operators.vmCount = 3;
  ASSERT_TRUE(kube::applyStatus<api::VmHost>(client, host.metadata, toJson(operators)));

  Board board;
  api::AgentFacts facts;
  facts.version = "1";
  facts.bridges = {{"br0", "enp1s0", 1500, true}};
  board.publish(facts);
  cache::Store<api::VmHost> store;
  client.sync(store);
  HostReporter reporter(board, store, client);
  ASSERT_TRUE(reporter.reconcile({"", "host1"}, {}));
  auto found = client.find<api::VmHost>({"", "host1"});
  EXPECT_EQ(found->status.agent, facts);
  EXPECT_EQ(found->status.vmCount, 3);

  // The operator's next write leaves it alone.
  operators.vmCount = 4;
  ASSERT_TRUE(kube::applyStatus<api::VmHost>(client, found->metadata, toJson(operators)));
  found = client.find<api::VmHost>({"", "host1"});
  EXPECT_EQ(found->status.agent, facts);
  EXPECT_EQ(found->status.vmCount, 4);

  client.sync(store);
  client.forgetWrites();
  ASSERT_TRUE(reporter.reconcile({"", "host1"}, {}));
  EXPECT_THAT(client.writes(), IsEmpty());
}

TEST(AgentLeases, SayWhoIsAlive) {
  FakeKubeClient client;
  test::ManualClock clock;
  const runtime::AgentLeases agents(client, clock, "ns");
  const auto renew = [&] {
    return runtime::renewAgentLease(client, "ns", "host1", "host1_1", clock.wall());
  };
  EXPECT_FALSE(agents.alive("host1")) << "none has ever run";
  ASSERT_TRUE(renew());
  clock.advance(39s);
  EXPECT_TRUE(agents.alive("host1"));
  EXPECT_FALSE(agents.alive("host2"));
  clock.advance(1s);
  EXPECT_FALSE(agents.alive("host1"));
  ASSERT_TRUE(renew());
  EXPECT_TRUE(agents.alive("host1"));
  ASSERT_TRUE(runtime::endAgentLease(client, "ns", "host1"));
  EXPECT_FALSE(agents.alive("host1"));
}

}  // namespace
}  // namespace vnic::agent
