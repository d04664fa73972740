// SPDX-License-Identifier: Apache-2.0
#include "runtime/claim_lease.h"

#include <gtest/gtest.h>

#include "kube/typed.h"
#include "support/fake_kube_client.h"
#include "support/manual_clock.h"
#include "unit/runtime/hooked_client.h"

namespace vnic::runtime {
namespace {

constexpr char kVm[] = "vm-6f5a3f0e";

class ClaimLeasesTest : public ::testing::Test {
 protected:
  test::ManualClock clock;
  test::FakeKubeClient server;
  HookedClient client{server};
  ClaimLeases claims{client, clock, "operator"};
  ClaimLeases others{server, clock, "operator"};
};

TEST_F(ClaimLeasesTest, TheFirstOneGetsItAndKeepsIt) {
  const auto first = claims.tryClaim(kVm, "uid-1");
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->held);
  const auto second = claims.tryClaim(kVm, "uid-2");
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->held);
  EXPECT_EQ(second->holder, "uid-1");
  EXPECT_TRUE(claims.tryClaim(kVm, "uid-1")->held) << "to claim what one has is fine";
  EXPECT_EQ(server.writes().size(), 1u) << "and writes nothing";
}

TEST_F(ClaimLeasesTest, AClaimDoesNotExpire) {
  ASSERT_TRUE(claims.tryClaim(kVm, "uid-1"));
  clock.advance(std::chrono::hours(24 * 30));
  EXPECT_EQ(claims.tryClaim(kVm, "uid-2")->holder, "uid-1");
}

TEST_F(ClaimLeasesTest, OnlyTheHolderReleases) {
  ASSERT_TRUE(claims.tryClaim(kVm, "uid-1"));
  EXPECT_TRUE(claims.release(kVm, "uid-2"));
  EXPECT_EQ(*claims.holderOf(kVm), "uid-1");
  EXPECT_TRUE(claims.release(kVm, "uid-1"));
  EXPECT_EQ(*claims.holderOf(kVm), std::nullopt);
  EXPECT_TRUE(claims.release(kVm, "uid-1")) << "to release twice is fine";
  EXPECT_TRUE(claims.tryClaim(kVm, "uid-2")->held);
}

TEST_F(ClaimLeasesTest, LosesToSomebodyWhoIsFasterByAMoment) {
  client.hook = [&](const std::string& verb) -> std::optional<Error> {
    if (verb == "create") {
      EXPECT_TRUE(others.tryClaim(kVm, "uid-fast")->held);
    }
    return std::nullopt;
  };
  const auto claim = claims.tryClaim(kVm, "uid-slow");
  ASSERT_TRUE(claim);
  EXPECT_FALSE(claim->held);
  EXPECT_EQ(claim->holder, "uid-fast");
}

TEST_F(ClaimLeasesTest, DoesNotReleaseWhatSomebodyElseTookAMomentAgo) {
  ASSERT_TRUE(claims.tryClaim(kVm, "uid-1"));
  client.hook = [&](const std::string& verb) -> std::optional<Error> {
    if (verb == "delete") {
      EXPECT_TRUE(others.release(kVm, "uid-1"));
      EXPECT_TRUE(others.tryClaim(kVm, "uid-2")->held);
    }
    return std::nullopt;
  };
  EXPECT_TRUE(claims.release(kVm, "uid-1"));
  EXPECT_EQ(*others.holderOf(kVm), "uid-2");
}

TEST_F(ClaimLeasesTest, AnUnreachableServerIsAnErrorNotAFreeClaim) {
  client.hook = [](const std::string&) { return Error::transient("away"); };
  EXPECT_EQ(claims.tryClaim(kVm, "uid-1").error().kind, ErrorKind::Transient);
  EXPECT_EQ(claims.release(kVm, "uid-1").error().kind, ErrorKind::Transient);
  EXPECT_EQ(claims.holderOf(kVm).error().kind, ErrorKind::Transient);
}

}  // namespace
}  // namespace vnic::runtime
