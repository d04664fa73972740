// SPDX-License-Identifier: Apache-2.0
// The agent's loop on a host in memory: what it looks at, when, and what it says.
#include "agent/agent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/manual_clock.h"
#include "support/temporary_folder.h"
#include "unit/agent/fake_network.h"

namespace vnic::agent {
namespace {

using namespace std::chrono_literals;
using namespace vnic::test;
using testing::IsEmpty;

class AgentTest : public testing::Test {
 protected:
  AgentTest() {
    reservation_.metadata.name = "host1.0000-01-10.0";
    reservation_.metadata.generation = 1;
    reservation_.spec.address = kVf.str();
    reservation_.spec.device.macAddress = kGuestMac;
    reservation_.spec.device.standbyAlias = "ua-standby";
    start();
  }

  void start() {
    ledger_.emplace(Ledger::open(folder_.path()).value());
    pins_.emplace(network_, *ledger_, Logger());
    agent_.emplace(Agent::Ports{network_, pci_, *pins_, watch_, board_, clock_,
                                [this] {
                                  Agent::Reservations all;
                                  if (known_) {
                                    all.push_back(
                                        std::make_shared<api::VfReservation>(reservation_));
                                  }
                                  return all;
                                },
                                Logger()});
  }
  void purpose(const char* purpose) {
    reservation_.spec.purpose = purpose;
    ++reservation_.metadata.generation;
    watch_.wake();
    agent_->step();
  }
  // Something that happened in the kernel.
  void happens(Changes changes) {
    watch_.next = std::move(changes);
    agent_->step();
  }
  void later(Duration duration) {
    clock_.advance(duration);
    agent_->step();
  }
  bool filter() const { return network_.has(kFilter); }
  bool entry() const { return network_.has(kEntry); }
  Report report() const { return board_.reportOn(reservation_.metadata.name).value_or(Report{}); }
  const Verdict* pinned() {
    report_ = report();
    for (const Verdict& verdict : report_.verdicts) {
      if (verdict.type == "StandbyPinned") return &verdict;
    }
    return nullptr;
  }

  TemporaryFolder folder_;
  FakeNetwork network_;
  FakePci pci_;
  FakeWatch watch_;
  Board board_;
  ManualClock clock_;
  api::VfReservation reservation_;
  bool known_ = true;
  Report report_;
  std::optional<Ledger> ledger_;
  std::optional<Pins> pins_;
  std::optional<Agent> agent_;
};

TEST_F(AgentTest, SourceSideOfAMove) {
  pci_.driven = {kVf};
  purpose("Return");
  EXPECT_TRUE(filter());
  EXPECT_FALSE(entry()) << "the VF still works: neighbours would lose what goes to the tap";
  ASSERT_NE(pinned(), nullptr);
  EXPECT_EQ(pinned()->status, api::ConditionStatus::True);
  EXPECT_EQ(report().generation, reservation_.metadata.generation);

  pci_.driven.clear();
  agent_->step();  // nothing was heard: the VFs are looked at anyway
  EXPECT_LE(watch_.lastPatience, 20ms);
  EXPECT_TRUE(entry());

  std::erase_if(network_.state.links, [](const Link& link) { return link.index == kTap; });
  happens({.links = true});
  EXPECT_FALSE(filter());
  EXPECT_THAT(pins_->ours(), IsEmpty());
}

TEST_F(AgentTest, TargetSideOfAMove) {
  purpose("Target");
  EXPECT_THAT(pins_->ours(), IsEmpty());
  EXPECT_EQ(pinned(), nullptr);
  happens({.heard = {learned(kTap)}});
  EXPECT_TRUE(filter() && entry());
  EXPECT_EQ(pinned()->status, api::ConditionStatus::True);

  pci_.driven = {kVf};
  agent_->step();
  EXPECT_FALSE(entry());
  EXPECT_TRUE(filter());
  later(1s);
  EXPECT_THAT(pins_->ours(), IsEmpty()) << "whatever the API server says, or does not say";
}

TEST_F(AgentTest, WhatOtherMacsDoMakesNoWork) {
  purpose("Target");
  network_.state.fdb = {learned(kTap)};  // would be seen by a look
  happens({.heard = {learned(kOtherTap, "52:54:00:99:99:99")}});
  EXPECT_THAT(pins_->ours(), IsEmpty());
}

TEST_F(AgentTest, AReservationThatIsDeletedByHandTakesItsPinsAlong) {
  purpose("Return");
  EXPECT_TRUE(filter() && entry());
  known_ = false;
  watch_.wake();
  agent_->step();
  EXPECT_THAT(pins_->ours(), IsEmpty());
  EXPECT_THAT(network_.state.fdb, IsEmpty());
}

TEST_F(AgentTest, WhatAKilledAgentLeftIsRemovedByTheNext) {
  purpose("Return");
  known_ = false;
  start();
  agent_->step();
  EXPECT_THAT(network_.state.fdb, IsEmpty());
}

TEST_F(AgentTest, AKilledAgentsPinsStayWhereTheyAreStillWanted) {
  purpose("Return");
  network_.calls.clear();
  start();
  agent_->step();
  EXPECT_TRUE(filter() && entry());
  EXPECT_THAT(network_.calls, IsEmpty());
}

TEST_F(AgentTest, EndingInOrderLeavesNothing) {
  purpose("Return");
  agent_->release();
  EXPECT_THAT(network_.state.fdb, IsEmpty());
}

TEST_F(AgentTest, NothingHereForTheStandbySaysSo) {
  network_.state.links.erase(network_.state.links.begin() + 2);
  purpose("Return");
  ASSERT_NE(pinned(), nullptr);
  EXPECT_EQ(pinned()->status, api::ConditionStatus::False);
  EXPECT_EQ(pinned()->reason, "NoStandbyTap");
}

TEST_F(AgentTest, APinThatFailsIsToldAndTriedAgain) {
  network_.failing = Error::transient("no room in the card");
  purpose("Return");
  EXPECT_EQ(pinned()->reason, "PinFailed");
  network_.failing.reset();
  later(1s);
  EXPECT_EQ(pinned()->reason, "Pinned");
}

TEST_F(AgentTest, AReleasedVfIsCleanedOnceNobodyHasItOpen) {
  network_.vfs[0].mac = kGuestMac;
  pci_.open = {kVf};
  purpose("Releasing");
  EXPECT_EQ(report().verdicts.at(0).reason, "InUse");
  pci_.open.clear();
  later(1s);
  EXPECT_EQ(report().verdicts.at(0).reason, "Clean");
  EXPECT_EQ(network_.vfs[0].mac, kNoMac);
}

TEST_F(AgentTest, AVfThatIsNotReleasedIsNotTouched) {
  network_.vfs[0].mac = kGuestMac;
  network_.vfs[1].vlan = 7;
  const auto before = network_.vfs;
  for (const char* stage : {"InUse", "Return", "Target"}) purpose(stage);
  EXPECT_EQ(network_.vfs, before);
}

TEST_F(AgentTest, FactsAreToldWhenTheyChange) {
  int told = 0;
  board_.onFacts([&] { ++told; });
  purpose("InUse");
  happens({.links = true});
  EXPECT_EQ(told, 1);
  network_.state.links[1].carrier = false;
  happens({.links = true});
  EXPECT_EQ(told, 2);
}

}  // namespace
}  // namespace vnic::agent
