// SPDX-License-Identifier: Apache-2.0
// The same VM back and forth: what is lost a little each time shows after some.
#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <iostream>

#include "lab/lab_test.h"

namespace vnic::lab {
namespace {

constexpr int kDefaultMoves = 10;
// Of the operator, between the tenth move and the last.
constexpr double kGrowthAllowed = 1.2;

int moves() {
  const char* wanted = std::getenv("VNIC_SOAK_MOVES");
  return wanted == nullptr ? kDefaultMoves : std::stoi(wanted);
}

double operatorMebibytes() {
  // "running, pid 4711"
  const std::string status = stack({"operator", "status"});
  std::ifstream statm("/proc/" + std::to_string(std::stoi(status.substr(status.find("pid ") + 4))) +
                      "/statm");
  double size = 0, resident = 0;
  statm >> size >> resident;
  return resident * 4096 / (1 << 20);
}

using Soak = LabTest;

TEST_F(Soak, BackAndForth) {
  const Guest guest = useGuest("failover");
  double early = 0;
  for (int move = 1; move <= moves() && !HasFailure(); ++move) {
    const std::string target = otherHost(hostOf(guest));
    const auto migration = Migration::create(guest.name, {{"targetHostName", target}});
    EXPECT_EQ(migration.waitEnd().at("status").at("phase"), "Succeeded");
    expectSettled(guest, target);
    migration.remove();
    const double memory = operatorMebibytes();
    if (move == kDefaultMoves) early = memory;
    std::cerr << fmt::format("move {} of {}: the operator has {:.1f} MiB\n", move, moves(), memory);
    if (early > 0) {
      EXPECT_LT(memory, early * kGrowthAllowed);
    }
  }
}

}  // namespace
}  // namespace vnic::lab
