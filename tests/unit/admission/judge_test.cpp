// SPDX-License-Identifier: Apache-2.0
// What is refused, what is a warning, and what is nobody's business.
#include <gtest/gtest.h>

#include "admission/profile_admission.h"
#include "admission/vnic_admission.h"
#include "unit/reconcile/vnic_profile/profiles.h"

namespace vnic::admission {
namespace {

using test::profile;
using test::reasons;
using test::Reasons;

api::Vnic vnic(const std::string& name, const std::string& profile, const std::string& mac = "") {
  api::Vnic result;
  result.metadata.ns = "team-a";
  result.metadata.name = name;
  result.metadata.uid = "uid-" + name;
  result.spec.vmName = "db";
  result.spec.profile = profile;
  result.spec.macAddress = mac;
  return result;
}

World world(std::initializer_list<api::VnicProfile> profiles,
            std::initializer_list<api::Vnic> vnics = {}) {
  World result;
  for (const auto& p : profiles) result.profiles.push_back(std::make_shared<api::VnicProfile>(p));
  for (const auto& v : vnics) result.vnics.push_back(std::make_shared<api::Vnic>(v));
  return result;
}

Result<bool> everybody(const api::AllowedNamespaces&, const std::string&) {
  return true;
}

TEST(JudgeProfile, MissingFailoverIsAWarningBecauseObjectsComeInAnyOrder) {
  const auto blue = profile("blue", true, "standby");
  const Verdict verdict = judgeProfile(nullptr, &blue, world({}));
  EXPECT_EQ(reasons(verdict.refusals), Reasons{});
  EXPECT_EQ(reasons(verdict.warnings), Reasons{"FailoverNotFound"});
}

TEST(JudgeProfile, UnsuitableFailoverIsRefused) {
  const auto blue = profile("blue", true, "standby");
  EXPECT_EQ(reasons(judgeProfile(nullptr, &blue, world({profile("standby", true)})).refusals),
            Reasons{"FailoverIsPassthrough"});
  EXPECT_EQ(reasons(judgeProfile(nullptr, &blue, world({profile("standby", false, "x")})).refusals),
            Reasons{"FailoverHasFailover"});
  EXPECT_EQ(reasons(judgeProfile(nullptr, &blue, world({profile("standby")})).refusals), Reasons{});
}

TEST(JudgeProfile, NewProfileThatOthersNameAlreadyMustNotBePassthrough) {
  const auto standby = profile("standby", true);
  EXPECT_EQ(
      reasons(judgeProfile(nullptr, &standby, world({profile("blue", true, "standby")})).refusals),
      Reasons{"PassthroughIsFailover"});
}

TEST(JudgeProfile, FrozenFieldsAndTheirTwins) {
  const auto before = profile("blue", true, "standby");
  const auto after = profile("blue");
  const auto used = world({before, profile("standby")}, {vnic("db", "blue")});
  EXPECT_EQ(reasons(judgeProfile(&before, &after, used).refusals),
            (Reasons{"PassthroughInUse", "FailoverInUse"}));
  EXPECT_EQ(reasons(judgeProfile(&before, &after, world({before})).refusals), Reasons{});
}

TEST(JudgeProfile, StandbyMayNotBecomePassthrough) {
  const auto before = profile("standby");
  const auto after = profile("standby", true);
  EXPECT_EQ(reasons(judgeProfile(&before, &after, world({profile("blue", true, "standby"), before}))
                        .refusals),
            Reasons{"PassthroughIsFailover"});
}

TEST(JudgeProfile, WhatWasWrongBeforeCanBeMendedStepByStep) {
  auto before = profile("blue", true, "standby");
  before.spec.bridge = "br0";
  auto after = before;
  after.spec.vlan = 7;
  const auto bad = world({profile("standby", true)});
  EXPECT_EQ(reasons(judgeProfile(&before, &after, bad).refusals), Reasons{});
  EXPECT_EQ(reasons(judgeProfile(&before, &after, bad).warnings),
            (Reasons{"BridgeNotAllowed", "FailoverIsPassthrough", "VlansDiffer"}));
}

TEST(JudgeProfile, MetadataAndWhatIsOnItsWayOutAreFree) {
  auto before = profile("blue", true, "standby");
  auto after = before;
  after.metadata.finalizers.clear();
  EXPECT_TRUE(judgeProfile(&before, &after, world({profile("standby", true)})).warnings.empty());
  after = profile("blue");
  after.metadata.deletionTimestamp = "2026-01-01T00:00:00Z";
  EXPECT_TRUE(judgeProfile(&before, &after, world({}, {vnic("db", "blue")})).refusals.empty());
}

TEST(JudgeProfile, DeletionWhileInUseIsRefused) {
  auto standby = profile("standby");
  const auto used = world({profile("blue", true, "standby"), standby}, {vnic("web", "standby")});
  EXPECT_EQ(reasons(judgeProfile(&standby, nullptr, used).refusals),
            (Reasons{"InUse", "InUseAsFailover"}));
  EXPECT_TRUE(judgeProfile(&standby, nullptr, world({standby})).refusals.empty());
  standby.metadata.deletionTimestamp = "2026-01-01T00:00:00Z";
  EXPECT_TRUE(judgeProfile(&standby, nullptr, used).refusals.empty()) << "that was decided before";
}

TEST(JudgeVnic, MissingProfileIsAWarning) {
  const auto db = vnic("db", "blue");
  const Verdict verdict = judgeVnic(nullptr, &db, world({}), everybody);
  EXPECT_EQ(reasons(verdict.refusals), Reasons{});
  EXPECT_EQ(reasons(verdict.warnings), Reasons{"ProfileNotFound"});
}

TEST(JudgeVnic, ProfileThatCannotBeUsedIsAWarning) {
  const auto db = vnic("db", "blue");
  EXPECT_EQ(
      reasons(judgeVnic(nullptr, &db, world({profile("blue", true, "gone")}), everybody).warnings),
      Reasons{"ProfileNotAccepted"});
}

TEST(JudgeVnic, NamespaceThatMayNotUseTheProfileIsRefused) {
  const auto db = vnic("db", "blue");
  const auto nobody = [](const api::AllowedNamespaces&, const std::string&) -> Result<bool> {
    return false;
  };
  EXPECT_EQ(reasons(judgeVnic(nullptr, &db, world({profile("blue")}), nobody).refusals),
            Reasons{"NamespaceNotAllowed"});
  const auto silent = [](const api::AllowedNamespaces&, const std::string&) -> Result<bool> {
    return fail(Error::transient("no answer"));
  };
  const Verdict verdict = judgeVnic(nullptr, &db, world({profile("blue")}), silent);
  EXPECT_EQ(reasons(verdict.refusals), Reasons{});
  EXPECT_EQ(reasons(verdict.warnings), Reasons{"NamespaceUnknown"});
  EXPECT_TRUE(judgeVnic(&db, &db, world({profile("blue")}), nobody).refusals.empty())
      << "who has it already keeps it";
}

TEST(JudgeVnic, MacOfAnotherVnicOnTheNetworkIsRefused) {
  const auto both = {profile("blue"), profile("blue-vf", true), [] {
                       auto red = profile("red");
                       red.spec.network = "red";
                       return red;
                     }()};
  const auto taken = world(both, {vnic("web", "blue-vf", "52:54:00:00:00:0A")});
  const auto refusals = [&](const api::Vnic& v) {
    return reasons(judgeVnic(nullptr, &v, taken, everybody).refusals);
  };
  EXPECT_EQ(refusals(vnic("db", "blue", "52:54:00:00:00:0a")), Reasons{"MacAddressConflict"});
  EXPECT_EQ(refusals(vnic("db", "red", "52:54:00:00:00:0a")), Reasons{}) << "another network";
  EXPECT_EQ(refusals(vnic("db", "blue", "52:54:00:00:00:0b")), Reasons{});
  EXPECT_EQ(refusals(vnic("db", "blue")), Reasons{}) << "one will be chosen";
  EXPECT_EQ(refusals(vnic("web", "blue-vf", "52:54:00:00:00:0a")), Reasons{}) << "itself";
  EXPECT_EQ(refusals(vnic("db", "missing", "52:54:00:00:00:0a")), Reasons{})
      << "an unknown network is not the same";
}

TEST(JudgeVnic, MacThatWasChosenForAnotherVnicIsRefused) {
  auto web = vnic("web", "blue");
  web.status.macAddress = "52:54:00:aa:bb:cc";
  const auto before = vnic("db", "blue");
  const auto after = vnic("db", "blue", "52:54:00:aa:bb:cc");
  EXPECT_EQ(
      reasons(
          judgeVnic(&before, &after, world({profile("blue")}, {web, before}), everybody).refusals),
      Reasons{"MacAddressConflict"});
  web.metadata.deletionTimestamp = "2026-01-01T00:00:00Z";
  EXPECT_TRUE(judgeVnic(&before, &after, world({profile("blue")}, {web, before}), everybody)
                  .refusals.empty());
}

TEST(JudgeVnic, OtherChangesAndDeletionAreFree) {
  const auto before = vnic("db", "blue", "52:54:00:00:00:0a");
  auto after = before;
  after.spec.desiredState = "Detached";
  const auto clash = world({profile("blue")}, {vnic("web", "blue", "52:54:00:00:00:0a")});
  EXPECT_TRUE(judgeVnic(&before, &after, clash, everybody).refusals.empty());
  EXPECT_TRUE(judgeVnic(&before, nullptr, clash, everybody).refusals.empty());
}

}  // namespace
}  // namespace vnic::admission
