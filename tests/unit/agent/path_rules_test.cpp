// SPDX-License-Identifier: Apache-2.0
#include "agent/path_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/agent/small_host.h"

namespace vnic::agent {
namespace {

using namespace std::chrono_literals;
using namespace vnic::test;
using testing::ElementsAre;
using testing::IsEmpty;

// One NIC on the small host, looked at again and again.
struct Scene {
  HostState state = smallHost();
  std::set<Pin> ours;
  std::set<std::pair<int, std::string>> heard;
  std::set<PciAddress> working;
  std::map<PciAddress, PciAddress> pfs{{kVf, kPf}};
  MonoTime now{1h};
  Claim of = claim(Stage::Still);
  Seen seen;

  // What is planned is done: the next look finds it.
  PathPlan look() {
    const PathPlan plan = planPath(of, {state, ours, heard, working, pfs, now}, seen);
    ours = {plan.pins.begin(), plan.pins.end()};
    heard.clear();
    return plan;
  }
  PathPlan lookLater(Duration duration) {
    now += duration;
    return look();
  }
  void vfWorks(bool works) {
    working.clear();
    if (works) working.insert(kVf);
  }
  void guestIsGone() {
    std::erase_if(state.links, [](const Link& link) { return link.index == kTap; });
    state.fdb.clear();
  }
};

TEST(PathRules, ANicThatStaysHasNoPins) {
  Scene s;
  s.vfWorks(true);
  EXPECT_THAT(s.look().pins, IsEmpty());
  s.vfWorks(false);
  EXPECT_THAT(s.look().pins, IsEmpty());
}

TEST(PathRules, WhileTheVfWorksOnlyTheFilterIsThere) {
  Scene s;
  s.of.stage = Stage::Leaving;
  s.vfWorks(true);
  const PathPlan plan = s.look();
  EXPECT_THAT(plan.pins, ElementsAre(kFilter));
  EXPECT_TRUE(plan.watch);
}

TEST(PathRules, TheEntryComesWhenTheVfHasLeftTheGuest) {
  Scene s;
  s.of.stage = Stage::Leaving;
  s.vfWorks(true);
  s.look();
  s.vfWorks(false);
  EXPECT_THAT(s.look().pins, ElementsAre(kFilter, kEntry));
}

TEST(PathRules, NothingIsLeftOnTheSourceWhenTheGuestHasGone) {
  Scene s;
  s.of.stage = Stage::Leaving;
  s.look();
  s.guestIsGone();
  const PathPlan plan = s.look();
  EXPECT_THAT(plan.pins, IsEmpty());
  EXPECT_EQ(plan.tap, nullptr);
}

TEST(PathRules, NoPinOnTheTargetBeforeTheGuestWasHeardThere) {
  Scene s;
  s.of.stage = Stage::Arriving;
  EXPECT_THAT(s.look().pins, IsEmpty());
  s.state.fdb = {learned(kUplink), learned(kOtherTap)};
  EXPECT_THAT(s.look().pins, IsEmpty());
  s.state.fdb = {learned(kTap)};
  EXPECT_THAT(s.look().pins, ElementsAre(kFilter, kEntry));
}

TEST(PathRules, HavingBeenHeardForAMomentIsEnough) {
  Scene s;
  s.of.stage = Stage::Arriving;
  s.look();
  // Its own announcement came back from outside before anybody could look.
  s.heard = {{kTap, kGuestMac}};
  s.state.fdb = {learned(kUplink)};
  EXPECT_THAT(s.look().pins, ElementsAre(kFilter, kEntry));
  EXPECT_THAT(s.look().pins, ElementsAre(kFilter, kEntry)) << "and stays";
}

TEST(PathRules, AnotherTapOfThatNumberWasNotHeard) {
  Scene s;
  s.of.stage = Stage::Arriving;
  s.state.fdb = {learned(kTap)};
  s.look();
  s.guestIsGone();
  s.look();
  s.state = smallHost();
  for (Link& link : s.state.links) {
    if (link.index == kTap) link.index = 77;
  }
  EXPECT_THAT(s.look().pins, IsEmpty());
}

TEST(PathRules, TheEntryGoesAtOnceWhenTheVfWorksAndTheFilterALittleLater) {
  Scene s;
  s.of.stage = Stage::Arriving;
  s.state.fdb = {learned(kTap)};
  s.look();
  s.vfWorks(true);
  s.state.fdb.clear();
  EXPECT_THAT(s.look().pins, ElementsAre(kFilter));
  EXPECT_THAT(s.lookLater(kSettle / 2).pins, ElementsAre(kFilter));
  EXPECT_THAT(s.lookLater(kSettle / 2).pins, IsEmpty());
  EXPECT_THAT(s.lookLater(1h).pins, IsEmpty()) << "although the reservation still says Target";
}

TEST(PathRules, APathIsKeptForAVfThatTheGuestDoesNotUseYetButNotForEver) {
  Scene s;
  s.of.stage = Stage::Arriving;
  s.state.fdb = {learned(kTap)};
  s.look();
  s.of.stage = Stage::Still;  // plugged in; the guest's driver takes its time
  EXPECT_THAT(s.look().pins, ElementsAre(kFilter, kEntry));
  EXPECT_THAT(s.lookLater(kLinger - 1s).pins, ElementsAre(kFilter, kEntry));
  EXPECT_THAT(s.lookLater(1s).pins, IsEmpty());
}

TEST(PathRules, AfterALossOfMemoryWhatIsPinnedStays) {
  Scene s;
  s.of.stage = Stage::Arriving;
  s.state.fdb = {learned(kTap)};
  s.look();
  s.seen = {};
  s.state.fdb.clear();
  EXPECT_THAT(s.look().pins, ElementsAre(kFilter, kEntry));
}

TEST(PathRules, ReleasedMeansNoPins) {
  Scene s;
  s.of.stage = Stage::Leaving;
  s.look();
  s.of.stage = Stage::Released;
  EXPECT_THAT(s.look().pins, IsEmpty());
}

TEST(PathRules, ANicWithoutStandbyIsLeftAlone) {
  Scene s;
  s.of.stage = Stage::Leaving;
  s.of.standby = false;
  EXPECT_THAT(s.look().pins, IsEmpty());
}

TEST(PathRules, WhatTheBridgeLearnedOfTheTapIsForgottenOnceTheVfWorks) {
  Scene s;
  s.of.stage = Stage::Arriving;
  s.state.fdb = {learned(kTap)};
  EXPECT_FALSE(s.look().forget);
  s.vfWorks(true);
  EXPECT_EQ(s.look().forget, kTap);
  EXPECT_EQ(s.lookLater(kSettle).forget, kTap) << "it spoke there once more while it switched over";
  EXPECT_FALSE(s.look().forget) << "a guest that speaks there now has lost its VF's link";
}

TEST(PathRules, OtherGuestsTapsAreNeverMeant) {
  Scene s;
  s.of.stage = Stage::Leaving;
  std::erase_if(s.state.links, [](const Link& link) { return link.index == kTap; });
  EXPECT_EQ(s.look().tap, nullptr);
}

TEST(PathRules, OfTwoTapsWithOneMacTheOneThatWasHeardIsMeant) {
  Scene s;
  s.of.stage = Stage::Leaving;
  s.state.links.push_back(link(10, "br1", "bridge"));
  s.state.links.push_back(link(11, "vnet9", "tun", 10, kTapMac));
  s.state.fdb = {learned(11)};
  EXPECT_EQ(s.look().tap->index, 11);
}

TEST(PathRules, OnOneCardNothingIsAnnounced) {
  Scene s;
  s.of.stage = Stage::Leaving;
  s.vfWorks(true);
  s.look();
  s.vfWorks(false);
  EXPECT_THAT(s.look().announcements, IsEmpty());
}

TEST(PathRules, OnTwoCardsBothWaysAreAnnounced) {
  Scene s;
  s.of.stage = Stage::Leaving;
  s.of.vlan = 120;
  s.pfs[kVf] = kOtherPf;
  s.vfWorks(true);
  EXPECT_THAT(s.look().announcements, IsEmpty());
  s.vfWorks(false);
  const auto away = s.look().announcements;
  ASSERT_EQ(away.size(), 1u);
  EXPECT_EQ(away[0].link, kUplink);
  EXPECT_EQ(away[0].vlan, 0) << "the bridge does not tell VLANs apart";
  s.vfWorks(true);
  const auto back = s.look().announcements;
  ASSERT_EQ(back.size(), 1u);
  EXPECT_EQ(back[0].link, kOtherCard);
  EXPECT_EQ(back[0].vlan, 120) << "a VF's VLAN is its card's doing";
}

TEST(PathRules, AVlanOnTheVfsOwnCardIsThatCard) {
  Scene s;
  s.of.stage = Stage::Leaving;
  s.state.links[1].master = 0;
  Link vlan = link(20, "enp1s0.120", "vlan", kBridge);
  vlan.lower = kUplink;
  s.state.links.push_back(vlan);
  s.vfWorks(true);
  s.look();
  s.vfWorks(false);
  const PathPlan plan = s.look();
  EXPECT_THAT(plan.announcements, IsEmpty());
  EXPECT_THAT(plan.pins, ElementsAre(Pin{Pin::Kind::Filter, 20, kGuestMac}, kEntry));
}

TEST(PathRules, TapsAreCalledAsLibvirtCallsThem) {
  EXPECT_EQ(tapMac("52:54:00:cc:00:01"), "fe:54:00:cc:00:01");
  EXPECT_EQ(tapMac("fe:54:00:cc:00:01"), "fa:54:00:cc:00:01");
}

}  // namespace
}  // namespace vnic::agent
