// SPDX-License-Identifier: Apache-2.0
#include "domain/matching.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <tuple>

namespace vnic::domain {
namespace {

PciAddress pf(int n) {
  return PciAddress{0, static_cast<std::uint8_t>(n + 1), 0, 0};
}
PciAddress vf(int n, int i) {
  return PciAddress{0, static_cast<std::uint8_t>(n + 1), 0x10, static_cast<std::uint8_t>(i)};
}

VfSupply supply(int n, std::vector<std::string> networks, int free, bool linkUp = true) {
  VfSupply result{pf(n), linkUp, std::move(networks), {}};
  for (int i = 0; i < free; ++i) result.free.push_back(vf(n, i));
  return result;
}

using Assigned = std::vector<std::optional<PciAddress>>;

TEST(Matching, LeavesTheOnlyPfToTheNicThatHasNoOther) {
  EXPECT_EQ(matchVfs({"blue", "red"}, {supply(0, {"blue", "red"}, 1), supply(1, {"blue"}, 1)}),
            (Assigned{vf(1, 0), vf(0, 0)}));
}

TEST(Matching, MovesAChainOfNicsToServeOneMore) {
  EXPECT_EQ(matchVfs({"a", "b", "c"},
                     {supply(0, {"a", "c"}, 1), supply(1, {"a", "b"}, 1), supply(2, {"b"}, 1)}),
            (Assigned{vf(1, 0), vf(2, 0), vf(0, 0)}));
}

TEST(Matching, SaysWhichNicCannotBeServed) {
  EXPECT_EQ(matchVfs({"blue", "green", "blue"}, {supply(0, {"blue"}, 1)}),
            (Assigned{vf(0, 0), std::nullopt, std::nullopt}));
}

TEST(Matching, AnyNetworkIsCarriedByAStar) {
  EXPECT_EQ(matchVfs({"blue"}, {supply(0, {"*"}, 1)}), (Assigned{vf(0, 0)}));
}

TEST(Matching, PfThatMayCarryNothingServesNobody) {
  EXPECT_EQ(matchVfs({"blue"}, {supply(0, {}, 1)}), (Assigned{std::nullopt}));
}

TEST(Matching, PrefersPfsWithLink) {
  EXPECT_EQ(
      matchVfs({"blue", "blue"}, {supply(0, {"blue"}, 4, false), supply(1, {"blue"}, 4, true)}),
      (Assigned{vf(1, 0), vf(1, 1)}));
}

TEST(Matching, TakesAPfWithoutLinkRatherThanNone) {
  EXPECT_EQ(matchVfs({"blue"}, {supply(0, {"blue"}, 1, false)}), (Assigned{vf(0, 0)}));
}

TEST(Matching, SpreadsOverPfs) {
  EXPECT_EQ(matchVfs({"blue", "blue"}, {supply(0, {"blue"}, 4), supply(1, {"blue"}, 4)}),
            (Assigned{vf(0, 0), vf(1, 0)}));
}

// What a result is worth: served NICs, then NICs on PFs without link, then the spread.
using Value = std::tuple<int, int, int>;

Value valueOf(const std::vector<int>& placed, const std::vector<VfSupply>& supplies) {
  int unserved = 0;
  int withoutLink = 0;
  std::map<int, int> load;
  for (const int at : placed) {
    if (at < 0) {
      ++unserved;
    } else {
      withoutLink += supplies[static_cast<std::size_t>(at)].linkUp ? 0 : 1;
      ++load[at];
    }
  }
  int squares = 0;
  for (const auto& [_, count] : load) squares += count * count;
  return {unserved, withoutLink, squares};
}

bool carries(const VfSupply& supply, const std::string& network) {
  return std::count(supply.networks.begin(), supply.networks.end(), network) +
             std::count(supply.networks.begin(), supply.networks.end(), "*") >
         0;
}

// Tries every assignment.
Value bestByForce(const std::vector<std::string>& networks, const std::vector<VfSupply>& supplies,
                  std::vector<int>& placed) {
  if (placed.size() == networks.size()) return valueOf(placed, supplies);
  Value best{1000, 1000, 1000};
  for (int at = -1; at < static_cast<int>(supplies.size()); ++at) {
    if (at >= 0) {
      const VfSupply& candidate = supplies[static_cast<std::size_t>(at)];
      const auto used = std::count(placed.begin(), placed.end(), at);
      if (!carries(candidate, networks[placed.size()]) ||
          used >= static_cast<std::ptrdiff_t>(candidate.free.size())) {
        continue;
      }
    }
    placed.push_back(at);
    best = std::min(best, bestByForce(networks, supplies, placed));
    placed.pop_back();
  }
  return best;
}

TEST(Matching, IsAsGoodAsTryingEveryAssignment) {
  const std::vector<std::string> names{"a", "b", "c", "*"};
  for (unsigned seed = 0; seed < 3000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const auto upTo = [&](int n) { return std::uniform_int_distribution<>(0, n)(random); };
    std::vector<VfSupply> supplies;
    for (int n = upTo(3); n >= 0; --n) {
      std::vector<std::string> networks;
      for (const std::string& name : names) {
        if (upTo(name == "*" ? 7 : 1) == 0) networks.push_back(name);
      }
      supplies.push_back(supply(n, networks, upTo(3), upTo(2) != 0));
    }
    std::vector<std::string> networks;
    for (int n = upTo(4); n >= 0; --n) networks.push_back(names[static_cast<std::size_t>(upTo(2))]);

    const auto result = matchVfs(networks, supplies);
    ASSERT_EQ(result, matchVfs(networks, supplies));
    ASSERT_EQ(result.size(), networks.size());
    std::vector<int> placed;
    std::set<PciAddress> given;
    for (std::size_t nic = 0; nic < result.size(); ++nic) {
      placed.push_back(-1);
      if (!result[nic]) continue;
      ASSERT_TRUE(given.insert(*result[nic]).second) << "one VF for two NICs";
      for (std::size_t at = 0; at < supplies.size(); ++at) {
        const auto& free = supplies[at].free;
        if (std::find(free.begin(), free.end(), *result[nic]) != free.end()) {
          ASSERT_TRUE(carries(supplies[at], networks[nic])) << "a VF of the wrong network";
          placed.back() = static_cast<int>(at);
        }
      }
      ASSERT_NE(placed.back(), -1) << "a VF that was not free";
    }
    std::vector<int> scratch;
    ASSERT_EQ(valueOf(placed, supplies), bestByForce(networks, supplies, scratch));
  }
}

}  // namespace
}  // namespace vnic::domain
