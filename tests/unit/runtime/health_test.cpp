// SPDX-License-Identifier: Apache-2.0
#include "runtime/health.h"

#include <gtest/gtest.h>

namespace vnic::runtime {
namespace {

using Kind = Health::Kind;

TEST(Health, RunsTheChecksOfOneKindInOrder) {
  Health health;
  bool synced = false;
  health.add(Kind::Liveness, "ping", [] { return std::nullopt; });
  health.add(Kind::Readiness, "caches", [&]() -> std::optional<std::string> {
    if (synced) return std::nullopt;
    return "VmHosts are not listed yet";
  });
  health.add(Kind::Readiness, "leader", [] { return std::nullopt; });

  ASSERT_EQ(health.run(Kind::Liveness).size(), 1u);
  auto readiness = health.run(Kind::Readiness);
  ASSERT_EQ(readiness.size(), 2u);
  EXPECT_EQ(readiness[0].name, "caches");
  EXPECT_EQ(readiness[0].failure, "VmHosts are not listed yet");
  EXPECT_EQ(readiness[1].failure, std::nullopt);
  synced = true;
  EXPECT_EQ(health.run(Kind::Readiness)[0].failure, std::nullopt) << "asked anew each time";
}

}  // namespace
}  // namespace vnic::runtime
