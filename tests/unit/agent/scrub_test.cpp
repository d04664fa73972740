// SPDX-License-Identifier: Apache-2.0
#include "agent/scrub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/scrubber.h"
#include "unit/agent/fake_network.h"

namespace vnic::agent {
namespace {

using namespace vnic::test;
using What = VfChange::What;

VfSettings used() {
  VfSettings vf;
  vf.mac = kGuestMac;
  vf.vlan = 120;
  vf.qos = 3;
  vf.minRateMbps = 10;
  vf.maxRateMbps = 100;
  vf.trusted = true;
  vf.spoofCheck = false;
  vf.linkState = VfLinkState::Disable;
  return vf;
}

struct Case {
  const char* name;
  void (*arrange)(VfSettings&);
  std::vector<What> changes;
};

class ScrubChanges : public testing::TestWithParam<Case> {};

TEST_P(ScrubChanges, Are) {
  VfSettings vf;
  vf.mac = kNoMac;
  vf.trusted = false;
  vf.spoofCheck = true;
  GetParam().arrange(vf);
  std::vector<What> found;
  for (const VfChange& change : scrubChanges(vf, kGuestMac)) found.push_back(change.what);
  EXPECT_EQ(found, GetParam().changes);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, ScrubChanges,
    testing::Values(Case{"Clean", [](VfSettings&) {}, {}},
                    Case{"AnotherMacIsNobodysBusiness",
                         [](VfSettings& vf) { vf.mac = "02:00:00:00:00:07"; },
                         {}},
                    Case{"GuestsMac", [](VfSettings& vf) { vf.mac = kGuestMac; }, {What::Mac}},
                    Case{"Priority", [](VfSettings& vf) { vf.qos = 1; }, {What::Vlan}},
                    Case{"MinimumRate", [](VfSettings& vf) { vf.minRateMbps = 1; }, {What::Rate}},
                    Case{"UnknownToTheDriver",
                         [](VfSettings& vf) { vf.trusted = vf.spoofCheck = std::nullopt; },
                         {}},
                    Case{"All",
                         [](VfSettings& vf) { vf = used(); },
                         {What::Mac, What::Vlan, What::Rate, What::Trust, What::SpoofCheck,
                          What::LinkState}}),
    [](const auto& info) { return info.param.name; });

struct Scene {
  FakeNetwork network;
  FakePci pci;
  Scrubber scrubber{network, pci, Logger()};
  Claim of = claim(Stage::Released);

  Scene() { network.vfs[0] = used(); }
  Scrubber::Outcome scrub() { return scrubber.scrub(of, network.state); }
};

TEST(Scrubber, CleansAndReadsBack) {
  Scene s;
  const VfSettings neighbour = s.network.vfs[1];
  const auto outcome = s.scrub();
  EXPECT_TRUE(outcome.clean);
  ASSERT_EQ(outcome.verdicts.size(), 1u);
  EXPECT_EQ(outcome.verdicts[0].type, "Scrubbed");
  EXPECT_EQ(outcome.verdicts[0].status, api::ConditionStatus::True);
  EXPECT_TRUE(scrubChanges(s.network.vfs[0], kGuestMac).empty());
  EXPECT_EQ(s.network.vfs[1], neighbour);
}

TEST(Scrubber, LeavesAVfThatAGuestHas) {
  Scene s;
  s.pci.open = {kVf};
  const auto outcome = s.scrub();
  EXPECT_FALSE(outcome.clean);
  EXPECT_EQ(outcome.verdicts.at(0).reason, "InUse");
  EXPECT_EQ(s.network.vfs[0], used());
}

TEST(Scrubber, GivesAMacOfNobodysWhereZeroIsRefused) {
  Scene s;
  s.network.refused = What::Mac;
  s.network.state.links[1].mac = "90:e2:ba:00:00:ff";
  EXPECT_TRUE(s.scrub().clean);
  EXPECT_EQ(s.network.vfs[0].mac, "92:e2:ba:00:00:00");
}

TEST(Scrubber, QuarantinesWhatItCannotCleanUntilItCan) {
  Scene s;
  s.network.refused = What::Vlan;
  Scrubber::Outcome outcome;
  for (int i = 0; i < 5; ++i) {
    outcome = s.scrub();
    EXPECT_FALSE(outcome.clean);
    EXPECT_EQ(outcome.verdicts[0].reason, "ScrubFailed");
  }
  ASSERT_EQ(outcome.verdicts.size(), 2u);
  EXPECT_EQ(outcome.verdicts[1].type, "Quarantined");
  s.network.refused.reset();
  outcome = s.scrub();
  EXPECT_TRUE(outcome.clean);
  EXPECT_EQ(outcome.verdicts.size(), 1u);
}

TEST(Scrubber, AVfThatIsGoneIsClean) {
  Scene s;
  s.of.vf = *PciAddress::parse("0000:07:10.0");
  EXPECT_TRUE(s.scrub().clean);
  EXPECT_EQ(s.network.vfs[0], used());
}

}  // namespace
}  // namespace vnic::agent
