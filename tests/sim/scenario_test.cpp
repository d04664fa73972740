// SPDX-License-Identifier: Apache-2.0
// Every scenario: undisturbed, with the operator killed after each of its effects, with two
// operators.
#include <gtest/gtest.h>

#include <cctype>
#include <iostream>

#include "sim/scenarios.h"

namespace vnic::sim {
namespace {

class ScenarioTest : public testing::TestWithParam<Scenario> {};

TEST_P(ScenarioTest, EndsAsDefined) {
  World world;
  begin(world, GetParam());
  const std::string wrong = finish(world, GetParam());
  EXPECT_EQ(wrong, "") << world.history();
}

// Killed after its first, second, third ... effect, each time in a world of its own.
TEST_P(ScenarioTest, EndsTheSameWhenTheOperatorDiesAfterAnyEffect) {
  World undisturbed;
  begin(undisturbed, GetParam());
  const int before = undisturbed.operators.front()->effects();
  ASSERT_EQ(finish(undisturbed, GetParam()), "");
  const int effects = undisturbed.operators.front()->effects() - before;
  int covered = 0;
  for (int effect = 1; effect <= effects; ++effect) {
    World world;
    begin(world, GetParam());
    world.operators.front()->killAfter(effect);
    const std::string wrong = finish(world, GetParam(), true);
    ASSERT_EQ(wrong, "") << "killed after effect " << effect << " of " << effects << "\n"
                         << world.history();
    ++covered;
  }
  std::cout << "crash points covered: " << covered << " of " << effects << '\n';
}

// A leader that does not know that it has lost the Lease, and its successor. In truth it finds out
// within seconds.
constexpr Duration kTwoFor = std::chrono::minutes(2);

TEST_P(ScenarioTest, EndsAsDefinedWithTwoOperators) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    World world(seed, Order::Random);
    begin(world, GetParam());
    world.startOperator();
    world.agenda.in(kTwoFor, [&world] { world.operators.front()->kill(); });
    const std::string wrong = finish(world, GetParam(), true);
    ASSERT_EQ(wrong, "") << "seed " << seed << "\n" << world.history();
  }
}

INSTANTIATE_TEST_SUITE_P(All, ScenarioTest, testing::ValuesIn(scenarios()), [](const auto& info) {
  std::string name;
  for (const char c : info.param.name)
    name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
});

}  // namespace
}  // namespace vnic::sim
