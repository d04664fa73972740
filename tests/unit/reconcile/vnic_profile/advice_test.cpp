// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vnic_profile/advice.h"

#include <gtest/gtest.h>

#include "unit/reconcile/vnic_profile/profiles.h"

namespace vnic::reconcile::vnic_profile {
namespace {

using test::profile;
using test::reasons;
using test::Reasons;

std::vector<ProfilePtr> one(const api::VnicProfile& object) {
  return {std::make_shared<api::VnicProfile>(object)};
}

TEST(ProfileAdvice, MigratableVfWithoutStandbyGoesDark) {
  EXPECT_EQ(reasons(advice(profile("a", true), {})), Reasons{"OutageWhileMigrating"});
  auto fixed = profile("a", true);
  fixed.spec.migratable = false;
  EXPECT_EQ(reasons(advice(fixed, {})), Reasons{});
  EXPECT_EQ(reasons(advice(profile("a", false), {})), Reasons{});
  EXPECT_EQ(reasons(advice(profile("a", true, "s"), one(profile("s", false)))), Reasons{});
}

TEST(ProfileAdvice, PairsShouldLeadToTheSamePlace) {
  auto standby = profile("s", false);
  standby.spec.vlan = 7;
  standby.spec.mtu = 9000;
  standby.spec.network = "red";
  const auto told = advice(profile("a", true, "s"), one(standby));
  EXPECT_EQ(reasons(told), (Reasons{"NetworksDiffer", "VlansDiffer", "MtusDiffer"}));
  EXPECT_NE(told[1].message.find("with VLAN 7, this profile has VLAN none"), std::string::npos)
      << told[1].message;
  auto same = profile("a", true, "s");
  same.spec.vlan = 7;
  same.spec.mtu = 9000;
  same.spec.network = "red";
  EXPECT_EQ(reasons(advice(same, one(standby))), Reasons{});
}

TEST(ProfileAdvice, ChangesOfAUsedProfileSayWhenTheyApply) {
  const auto before = profile("a", false);
  auto after = before;
  after.spec.vlan = 7;
  after.spec.mtu = 1400;
  after.spec.bridge = "br0";
  after.spec.networkFilter = "clean-traffic";
  EXPECT_EQ(reasons(adviceOnChange(before, after, {})), Reasons{});
  const auto told = adviceOnChange(before, after, {{"team-a/db"}, {"blue"}});
  ASSERT_EQ(reasons(told), Reasons(4, "AppliesAtNextAttach"));
  EXPECT_EQ(told[2].field, "spec.bridge");
  EXPECT_NE(told[0].message.find("team-a/db, profile blue"), std::string::npos);
  auto labelled = before;
  labelled.metadata.labels = {{"a", "b"}};
  EXPECT_EQ(reasons(adviceOnChange(before, labelled, {{"team-a/db"}, {}})), Reasons{});
}

TEST(ProfileAdvice, NoLongerMigratableKeepsVmsWhereTheyAre) {
  const auto before = profile("a", true);
  auto after = before;
  after.spec.migratable = false;
  EXPECT_EQ(reasons(adviceOnChange(before, after, {{"team-a/db"}, {}})),
            Reasons{"KeepsVmsFromMigrating"});
  EXPECT_EQ(reasons(adviceOnChange(after, before, {{"team-a/db"}, {}})), Reasons{});
}

}  // namespace
}  // namespace vnic::reconcile::vnic_profile
