// SPDX-License-Identifier: Apache-2.0
// Two operator processes and one Lease on a real API server.
#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <optional>
#include <stdexcept>

#include "conformance/runtime/api_server.h"
#include "kube/typed.h"
#include "runtime/lease.h"
#include "support/time_format.h"

namespace vnic::test {
namespace {

using namespace std::chrono_literals;
using runtime::Lease;

// Lease duration 15 s, then at most one wait of 2 s and its jitter of 2.4 s; and a busy machine.
constexpr Duration kTakeover = 15s + 4400ms + 15s;
constexpr Duration kHandover = 4400ms + 5s;

// A lease_holder process.
class Holder {
 public:
  Holder(const std::string& lease, const std::string& identity) {
    int out[2];
    if (pipe(out) != 0) throw std::runtime_error("pipe failed");
    out_ = out[0];
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, out[0]);
    const std::string kubeconfig = ApiServer::shared().kubeconfig();
    const char* argv[] = {VNIC_LEASE_HOLDER, kubeconfig.c_str(), kOperatorNamespace,
                          lease.c_str(),     identity.c_str(),   nullptr};
    const int error = posix_spawn(&pid_, VNIC_LEASE_HOLDER, &actions, nullptr,
                                  const_cast<char* const*>(argv), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    if (error != 0) throw std::runtime_error("cannot start " VNIC_LEASE_HOLDER);
  }
  ~Holder() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    close(out_);
  }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;

  bool leadsWithin(Duration patience) {
    pollfd readable{out_, POLLIN, 0};
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(patience);
    char text[16];
    return poll(&readable, 1, static_cast<int>(milliseconds.count())) == 1 &&
           read(out_, text, sizeof text) > 0;
  }
  void signal(int number) { kill(pid_, number); }
  // The exit code, or 128 + the signal; nullopt when it does not end in time.
  std::optional<int> end(Duration patience) {
    int status = 0;
    if (!eventually([&] { return waitpid(pid_, &status, WNOHANG) == pid_; }, patience)) {
      return std::nullopt;
    }
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_ = -1;
  int out_ = -1;
};

class LeaseHandover : public ::testing::Test {
 protected:
  // Each test has a Lease of its own.
  std::string name = std::string("handover-") +
                     std::to_string(std::chrono::system_clock::now().time_since_epoch().count());

  runtime::LeaseRecord record() {
    const auto lease =
        kube::getObject<Lease>(ApiServer::shared().client(), {kOperatorNamespace, name});
    if (!lease) throw std::runtime_error(lease.error().message);
    return lease->spec;
  }
};

TEST_F(LeaseHandover, ALeaderThatEndsHandsOverAtOnce) {
  Holder first(name, "first");
  ASSERT_TRUE(first.leadsWithin(30s));
  Holder second(name, "second");
  // The second has to have seen that the first leads, or it would not be a hand-over.
  EXPECT_FALSE(second.leadsWithin(5s));
  EXPECT_EQ(record().holder, "first");

  const auto begin = std::chrono::steady_clock::now();
  first.signal(SIGTERM);
  EXPECT_EQ(first.end(10s), 0);
  ASSERT_TRUE(second.leadsWithin(30s));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, kHandover);
  EXPECT_EQ(record().holder, "second");
  EXPECT_EQ(record().durationSeconds, 15);
  EXPECT_EQ(record().transitions, 1);

  second.signal(SIGTERM);
  EXPECT_EQ(second.end(10s), 0);
  EXPECT_EQ(record().holder, "");
  EXPECT_EQ(record().durationSeconds, 1);
}

TEST_F(LeaseHandover, ALeaderThatCrashedIsReplacedWhenItsLeaseIsOver) {
  Holder first(name, "first");
  ASSERT_TRUE(first.leadsWithin(30s));
  Holder second(name, "second");
  EXPECT_FALSE(second.leadsWithin(5s));
  first.signal(SIGKILL);
  EXPECT_EQ(first.end(10s), 128 + SIGKILL);
  const auto lastSign = parseTime(record().renewTime);
  ASSERT_TRUE(second.leadsWithin(kTakeover + 5s));
  const auto taken = parseTime(record().acquireTime);
  ASSERT_TRUE(lastSign && taken);
  EXPECT_GE(*taken - *lastSign, 15s) << "taken while the first might still have been working";
  EXPECT_LE(*taken - *lastSign, kTakeover);
  EXPECT_EQ(record().holder, "second");
  EXPECT_EQ(record().transitions, 1);
}

TEST_F(LeaseHandover, ALeaderThatWasAsleepEndsWhenItWakesUpAndTouchesNothing) {
  Holder first(name, "first");
  ASSERT_TRUE(first.leadsWithin(30s));
  Holder second(name, "second");
  first.signal(SIGSTOP);
  ASSERT_TRUE(second.leadsWithin(kTakeover + 10s));
  const auto acquired = record().acquireTime;
  first.signal(SIGCONT);
  EXPECT_EQ(first.end(20s), 3);
  EXPECT_EQ(record().holder, "second");
  EXPECT_EQ(record().acquireTime, acquired);
}

}  // namespace
}  // namespace vnic::test
