// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vnic_profile/rules.h"

#include <gtest/gtest.h>

#include "unit/reconcile/vnic_profile/profiles.h"

namespace vnic::reconcile::vnic_profile {
namespace {

using test::Reasons;

api::VnicProfile passthrough(const std::string& name, const std::string& failover = "") {
  return test::profile(name, true, failover);
}

api::VnicProfile virtio(const std::string& name) {
  return test::profile(name);
}

std::vector<ProfilePtr> all(std::initializer_list<api::VnicProfile> profiles) {
  std::vector<ProfilePtr> result;
  for (const auto& profile : profiles) {
    result.push_back(std::make_shared<api::VnicProfile>(profile));
  }
  return result;
}

Reasons reasons(const api::VnicProfile& profile, const std::vector<ProfilePtr>& others) {
  return test::reasons(violations(profile, others));
}

TEST(ProfileRules, AcceptWhatTheyShould) {
  const auto standby = virtio("standby");
  const auto blue = passthrough("blue", "standby");
  EXPECT_EQ(reasons(blue, all({standby, blue})), Reasons{});
  EXPECT_EQ(reasons(standby, all({standby, blue})), Reasons{});
  auto fixed = passthrough("fixed");
  fixed.spec.migratable = false;
  EXPECT_EQ(reasons(fixed, all({fixed})), Reasons{});
  auto bridged = virtio("bridged");
  bridged.spec.bridge = "br0";
  bridged.spec.networkFilter = "clean-traffic";
  EXPECT_EQ(reasons(bridged, {}), Reasons{});
}

TEST(ProfileRules, FailoverNeedsMigratablePassthrough) {
  auto fixed = passthrough("fixed", "standby");
  fixed.spec.migratable = false;
  EXPECT_EQ(reasons(fixed, all({virtio("standby")})),
            Reasons{"FailoverNeedsMigratablePassthrough"});
  auto plain = virtio("plain");
  plain.spec.failover = "standby";
  EXPECT_EQ(reasons(plain, all({virtio("standby")})),
            Reasons{"FailoverNeedsMigratablePassthrough"});
}

TEST(ProfileRules, FailoverMustBeAnotherExistingVirtioProfile) {
  EXPECT_EQ(reasons(passthrough("a", "a"), all({passthrough("a", "a")})),
            Reasons{"FailoverIsSelf"});
  EXPECT_EQ(reasons(passthrough("a", "b"), {}), Reasons{"FailoverNotFound"});
  EXPECT_EQ(reasons(passthrough("a", "b"), all({passthrough("b")})),
            Reasons{"FailoverIsPassthrough"});
  auto leaving = virtio("b");
  leaving.metadata.deletionTimestamp = "2026-01-01T00:00:00Z";
  EXPECT_EQ(reasons(passthrough("a", "b"), all({leaving})), Reasons{"FailoverNotFound"});
}

TEST(ProfileRules, FailoverHasNoFailoverItself) {
  auto chained = virtio("b");
  chained.spec.failover = "c";
  EXPECT_EQ(reasons(passthrough("a", "b"), all({chained, virtio("c")})),
            Reasons{"FailoverHasFailover"});
}

TEST(ProfileRules, ProfileThatIsAFailoverMayNotBecomePassthrough) {
  const auto standby = passthrough("standby");
  const auto result = violations(
      standby, all({standby, passthrough("red", "standby"), passthrough("blue", "standby")}));
  ASSERT_EQ(result.size(), 1u);
  EXPECT_EQ(result[0].reason, "PassthroughIsFailover");
  EXPECT_NE(result[0].message.find("blue, red"), std::string::npos) << result[0].message;
}

TEST(ProfileRules, EverythingThatIsWrongIsToldAtOnce) {
  auto wrong = passthrough("wrong", "missing");
  wrong.spec.migratable = false;
  wrong.spec.bridge = "br0";
  wrong.spec.networkFilter = "clean-traffic";
  EXPECT_EQ(reasons(wrong, {}),
            (Reasons{"BridgeNotAllowed", "NetworkFilterNotAllowed",
                     "FailoverNeedsMigratablePassthrough", "FailoverNotFound"}));
}

TEST(ProfileRules, OnlyPassthroughMayBeNotMigratable) {
  auto fixed = virtio("fixed");
  fixed.spec.migratable = false;
  EXPECT_EQ(reasons(fixed, {}), Reasons{"NotMigratableNeedsPassthrough"});
}

TEST(ProfileRules, NameTheFieldAndTheObjectsThatTheyRestOn) {
  const auto found = violations(passthrough("a", "b"), all({passthrough("b")}));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].field, "spec.failover");
  EXPECT_EQ(found[0].witnesses, (std::vector<Witness>{{Witness::Kind::Profile, {"", "b"}}}));
  EXPECT_FALSE(found[0].awaitsObject);
  EXPECT_EQ(found[0].text(),
            "`spec.failover` names 'b', which is passthrough itself; the standby must be a virtio "
            "NIC");
  EXPECT_TRUE(violations(passthrough("a", "b"), {})[0].awaitsObject);
}

TEST(ProfileRules, SelectorBelongsToSelectedNamespaces) {
  auto profile = virtio("a");
  profile.spec.allowedNamespaces.from = "Selector";
  EXPECT_EQ(reasons(profile, {}), Reasons{"SelectorMismatch"});
  profile.spec.allowedNamespaces = {"All", {{"team", "a"}}};
  EXPECT_EQ(reasons(profile, {}), Reasons{"SelectorMismatch"});
  profile.spec.allowedNamespaces.from = "Selector";
  EXPECT_EQ(reasons(profile, {}), Reasons{});
}

TEST(ProfileRules, NamespacesAreSelectedByAllLabels) {
  const api::AllowedNamespaces selected{"Selector", {{"team", "a"}, {"zone", "1"}}};
  EXPECT_TRUE(allows({}, {}));
  EXPECT_TRUE(allows(selected, {{"team", "a"}, {"zone", "1"}, {"more", "x"}}));
  EXPECT_FALSE(allows(selected, {{"team", "a"}}));
  EXPECT_FALSE(allows(selected, {{"team", "a"}, {"zone", "2"}}));
  EXPECT_FALSE(allows({"Selector", {}}, {{"team", "a"}})) << "nothing selected is nobody";
}

TEST(ProfileRules, PassthroughAndFailoverAreFrozenWhileVnicsUseThem) {
  const auto before = passthrough("blue", "standby");
  auto after = virtio("blue");
  after.spec.vlan = 7;
  after.spec.migratable = false;
  const auto forbidden = forbiddenChanges(before, after, {{"team-a/db", "team-b/web"}, {}});
  ASSERT_EQ(forbidden.size(), 2u) << "vlan and migratable are free";
  EXPECT_EQ(forbidden[0].reason, "PassthroughInUse");
  EXPECT_EQ(forbidden[0].field, "spec.passthrough");
  EXPECT_EQ(forbidden[1].reason, "FailoverInUse");
  EXPECT_NE(forbidden[1].message.find("team-a/db, team-b/web"), std::string::npos);
  EXPECT_EQ(forbidden[1].witnesses,
            (std::vector<Witness>{{Witness::Kind::Vnic, {"team-a", "db"}}}));
  EXPECT_TRUE(forbiddenChanges(before, after, {{}, {"red"}}).empty())
      << "whoever names it as failover is none of its Vnics";
  EXPECT_EQ(forbiddenChanges(before, passthrough("blue"), {{"a/b"}, {}}).size(), 1u);
}

TEST(ProfileRules, UsedProfileMayNotBeDeleted) {
  EXPECT_TRUE(forbiddenDeletion({}).empty());
  const auto both = forbiddenDeletion({{"a/b"}, {"blue"}});
  ASSERT_EQ(both.size(), 2u);
  EXPECT_EQ(both[0].reason, "InUse");
  EXPECT_EQ(both[1].reason, "InUseAsFailover");
}

TEST(ProfileRules, LongListsOfNamesAreCut) {
  std::vector<std::string> names;
  for (int i = 0; i < 12; ++i) names.push_back(std::string(1, static_cast<char>('a' + i)));
  EXPECT_EQ(listNames(names), "a, b, c, d, e, f, g, h, i, j and 2 more");
}

}  // namespace
}  // namespace vnic::reconcile::vnic_profile
