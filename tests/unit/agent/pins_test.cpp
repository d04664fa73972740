// SPDX-License-Identifier: Apache-2.0
#include "agent/pins.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "support/temporary_folder.h"
#include "unit/agent/fake_network.h"

namespace vnic::agent {
namespace {

using namespace vnic::test;
using testing::ElementsAre;
using testing::IsEmpty;

class PinsTest : public testing::Test {
 protected:
  PinsTest() { start(); }

  // As if it had been killed before.
  void start() {
    ledger_.emplace(Ledger::open(folder_.path()).value());
    pins_.emplace(network_, *ledger_, Logger());
  }
  auto settle(const std::vector<Pin>& wanted) { return pins_->settle(wanted, network_.state); }

  TemporaryFolder folder_;
  FakeNetwork network_;
  std::optional<Ledger> ledger_;
  std::optional<Pins> pins_;
};

FdbEntry foreign(int link, bool self) {
  FdbEntry entry;
  entry.link = link;
  entry.mac = kGuestMac;
  entry.self = self;
  return entry;
}

TEST_F(PinsTest, AreMadeAndRemovedEntryFirst) {
  EXPECT_THAT(settle({kFilter, kEntry}), IsEmpty());
  EXPECT_TRUE(network_.has(kFilter) && network_.has(kEntry));
  network_.calls.clear();
  EXPECT_THAT(settle({kFilter, kEntry}), IsEmpty());
  EXPECT_THAT(network_.calls, IsEmpty()) << "what is there is not made again";
  settle({});
  EXPECT_THAT(network_.calls, ElementsAre("remove entry", "remove filter"));
  EXPECT_THAT(pins_->ours(), IsEmpty());
}

TEST_F(PinsTest, AfterAKillAreKnownAndRemoved) {
  settle({kFilter, kEntry});
  start();
  EXPECT_THAT(pins_->ours(), ElementsAre(kEntry, kFilter));
  settle({kFilter});
  EXPECT_FALSE(network_.has(kEntry));
  EXPECT_TRUE(network_.has(kFilter));
}

TEST_F(PinsTest, OfOthersServeAndStay) {
  network_.state.fdb = {foreign(kUplink, true), foreign(kTap, false)};
  const auto before = network_.state.fdb;
  EXPECT_THAT(settle({kFilter, kEntry}), IsEmpty());
  settle({});
  EXPECT_EQ(network_.state.fdb, before);
  EXPECT_THAT(network_.calls, IsEmpty());
}

TEST_F(PinsTest, AnEntryOfOthersOnAnotherPortIsAConflict) {
  network_.state.fdb = {foreign(kOtherTap, false)};
  const auto failures = settle({kFilter, kEntry});
  ASSERT_EQ(failures.count(kGuestMac), 1u);
  EXPECT_THAT(failures.at(kGuestMac).message, testing::HasSubstr("vnet1"));
  EXPECT_EQ(network_.state.fdb.front(), foreign(kOtherTap, false));
}

TEST_F(PinsTest, WhatTheBridgeLearnedIsTakenOver) {
  network_.state.fdb = {learned(kUplink)};
  EXPECT_THAT(settle({kEntry}), IsEmpty());
  EXPECT_TRUE(network_.has(kEntry));
  EXPECT_EQ(network_.state.fdb.size(), 1u);
}

TEST_F(PinsTest, WhatSomebodyRemovedComesBack) {
  settle({kFilter, kEntry});
  network_.state.fdb.clear();
  settle({kFilter, kEntry});
  EXPECT_TRUE(network_.has(kFilter) && network_.has(kEntry));
}

TEST_F(PinsTest, WithTheirDeviceTheyAreGone) {
  settle({kEntry});
  std::erase_if(network_.state.links, [](const Link& link) { return link.index == kTap; });
  network_.state.fdb.clear();
  network_.calls.clear();
  settle({});
  EXPECT_THAT(network_.calls, IsEmpty());
  EXPECT_THAT(pins_->ours(), IsEmpty());
}

TEST_F(PinsTest, AFailureIsToldAndNothingIsCalledOurs) {
  network_.failing = Error::transient("no room in the card");
  EXPECT_EQ(settle({kFilter}).at(kGuestMac).message, "no room in the card");
  EXPECT_THAT(pins_->ours(), IsEmpty());
}

TEST_F(PinsTest, ALedgerThatIsNoneIsRefused) {
  std::ofstream(folder_.path() / "pins.json") << "{";
  const auto opened = Ledger::open(folder_.path());
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, testing::HasSubstr("pins.json"));
}

}  // namespace
}  // namespace vnic::agent
