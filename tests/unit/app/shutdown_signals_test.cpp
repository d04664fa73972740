// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <functional>
#include <thread>

#include "app/shutdown.h"

namespace vnic::app {
namespace {

using namespace std::chrono_literals;
using ::testing::ExitedWithCode;

// Each in a process of its own, with the signal sent to all of it.
void askedToEnd(Duration grace, const std::function<void()>& then) {
  const ShutdownSignals signals(grace, Logger());
  ::kill(::getpid(), SIGTERM);
  while (!signals.token().stop_requested()) std::this_thread::yield();
  then();
}

class ShutdownSignalsDeathTest : public ::testing::Test {
 protected:
  ShutdownSignalsDeathTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(ShutdownSignalsDeathTest, AnOrderlyEndIsLeftAlone) {
  EXPECT_EXIT((askedToEnd(1h, [] {}), std::exit(0)), ExitedWithCode(0), "");
}

TEST_F(ShutdownSignalsDeathTest, AnEndThatHangsIsCutOff) {
  const auto hang = [] { SystemClock().sleepFor(1h, {}); };
  EXPECT_EXIT((askedToEnd(50ms, hang), std::exit(0)), ExitedWithCode(1), "");
}

TEST_F(ShutdownSignalsDeathTest, ASecondSignalEndsAtOnce) {
  const auto insist = [] {
    ::kill(::getpid(), SIGTERM);
    SystemClock().sleepFor(1h, {});
  };
  EXPECT_EXIT((askedToEnd(1h, insist), std::exit(0)), ExitedWithCode(1), "");
}

}  // namespace
}  // namespace vnic::app
