// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vnic_profile/rules.h"

#include <gtest/gtest.h>

namespace vnic::reconcile::vnic_profile {
namespace {

api::VnicProfile passthrough(const std::string& name, const std::string& failover = "") {
  api::VnicProfile profile;
  profile.metadata.name = name;
  profile.spec.network = "blue";
  profile.spec.passthrough = true;
  profile.spec.failover = failover;
  return profile;
}

api::VnicProfile virtio(const std::string& name) {
  api::VnicProfile profile;
  profile.metadata.name = name;
  profile.spec.network = "blue";
  return profile;
}

std::vector<ProfilePtr> all(std::initializer_list<api::VnicProfile> profiles) {
  std::vector<ProfilePtr> result;
  for (const auto& profile : profiles) {
    result.push_back(std::make_shared<api::VnicProfile>(profile));
  }
  return result;
}

using Reasons = std::vector<std::string>;

Reasons reasons(const api::VnicProfile& profile, const std::vector<ProfilePtr>& others) {
  Reasons result;
  for (const auto& violation : violations(profile, others)) result.push_back(violation.reason);
  return result;
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

}  // namespace
}  // namespace vnic::reconcile::vnic_profile
