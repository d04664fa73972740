// SPDX-License-Identifier: Apache-2.0
// Claims on virtual machines, on a real API server.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "conformance/runtime/api_server.h"
#include "runtime/claim_lease.h"

namespace vnic::test {
namespace {

using runtime::ClaimLeases;

TEST(Claims, OfManyWhoAskAtOnceExactlyOneGetsIt) {
  ApiServer& api = ApiServer::shared();
  const std::string vm = "vm-7ab7dd8c-1f1f-4c4e-9c5e-0f5a6f4f2b11";
  for (int round = 0; round < 5; ++round) {
    std::atomic<int> winner = -1;
    std::atomic<int> winners = 0;
    std::atomic<int> errors = 0;
    {
      std::vector<std::jthread> askers;
      for (int i = 0; i < 6; ++i) {
        askers.emplace_back([&, i] {
          ClaimLeases claims(api.client(), api.clock(), kOperatorNamespace);
          const auto claim = claims.tryClaim(vm, "uid-" + std::to_string(i));
          if (!claim) {
            ++errors;
          } else if (claim->held) {
            ++winners;
            winner = i;
          }
        });
      }
    }
    EXPECT_EQ(winners, 1);
    EXPECT_EQ(errors, 0);
    ClaimLeases claims(api.client(), api.clock(), kOperatorNamespace);
    const std::string holder = "uid-" + std::to_string(winner);
    const auto seen = claims.holderOf(vm);
    ASSERT_TRUE(seen) << seen.error().message;
    EXPECT_EQ(*seen, holder);
    ASSERT_TRUE(claims.release(vm, "uid-of-nobody"));
    EXPECT_EQ(*claims.holderOf(vm), holder);
    ASSERT_TRUE(claims.release(vm, holder));
    EXPECT_EQ(*claims.holderOf(vm), std::nullopt);
  }
}

}  // namespace
}  // namespace vnic::test
