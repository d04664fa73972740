// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vm_host/host_cache.h"

#include <gtest/gtest.h>

#include "support/fake_hypervisor.h"
#include "support/manual_clock.h"

namespace vnic::reconcile::vm_host {
namespace {

class HostCacheTest : public testing::Test {
 protected:
  HostCacheTest() {
    hypervisor.addHost("host1");
    hypervisor.setHost("host1", "qemu:///system");
    cache.onChange([this](const std::string& host) { changes.push_back(host); });
  }

  test::FakeHypervisor hypervisor;
  test::ManualClock clock;
  HostCache cache{hypervisor, clock};
  std::vector<std::string> changes;
};

TEST_F(HostCacheTest, KnowsNothingOfAHostThatNobodyAskedFor) {
  EXPECT_EQ(cache.get("host1"), nullptr);
}

TEST_F(HostCacheTest, KeepsWhatTheHostSaid) {
  hypervisor.addVm("host1", {.name = "db", .uuid = "u1", .nics = {}});
  ASSERT_TRUE(cache.refresh("host1"));
  const auto facts = cache.get("host1");
  EXPECT_TRUE(facts->reachable());
  ASSERT_EQ(facts->domains.size(), 1u);
  EXPECT_EQ(facts->domains[0].current()->name, "db");
  EXPECT_EQ(facts->snapshot.physicalFunctions[0].virtualFunctions.size(), 4u);
  EXPECT_EQ(facts->snapshot.domains[0].liveXml, "") << "texts are not kept";
}

TEST_F(HostCacheTest, TellsOfChangesOnly) {
  ASSERT_TRUE(cache.refresh("host1"));
  ASSERT_TRUE(cache.refresh("host1"));
  EXPECT_EQ(changes.size(), 1u);
  hypervisor.addVm("host1", {.name = "db", .uuid = "u1", .nics = {}});
  ASSERT_TRUE(cache.refresh("host1"));
  EXPECT_EQ(changes.size(), 2u);
  hypervisor.facts("host1").physicalFunctions[0].linkUp = false;
  ASSERT_TRUE(cache.refresh("host1"));
  EXPECT_EQ(changes.size(), 3u);
}

TEST_F(HostCacheTest, KeepsOldFactsOfAHostThatIsAwayAndSaysSo) {
  hypervisor.addVm("host1", {.name = "db", .uuid = "u1", .nics = {}});
  ASSERT_TRUE(cache.refresh("host1"));
  const auto seen = cache.get("host1")->readAt;
  clock.advance(std::chrono::minutes(1));
  hypervisor.setAway("host1", true);
  EXPECT_FALSE(cache.refresh("host1"));
  EXPECT_FALSE(cache.refresh("host1"));
  const auto facts = cache.get("host1");
  EXPECT_FALSE(facts->reachable());
  EXPECT_TRUE(facts->known);
  EXPECT_EQ(facts->domains.size(), 1u);
  EXPECT_EQ(facts->readAt, seen);
  EXPECT_EQ(changes.size(), 2u) << "the second failure is no news";
  hypervisor.setAway("host1", false);
  ASSERT_TRUE(cache.refresh("host1"));
  EXPECT_TRUE(cache.get("host1")->reachable());
  EXPECT_EQ(changes.size(), 3u);
}

TEST_F(HostCacheTest, ForgetsARemovedHost) {
  ASSERT_TRUE(cache.refresh("host1"));
  cache.remove("host1");
  cache.remove("host1");
  EXPECT_EQ(cache.get("host1"), nullptr);
  EXPECT_TRUE(cache.list().empty());
  EXPECT_EQ(changes.size(), 2u);
}

}  // namespace
}  // namespace vnic::reconcile::vm_host
