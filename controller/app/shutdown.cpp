// SPDX-License-Identifier: Apache-2.0
#include "app/shutdown.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <ctime>
#include <optional>

namespace vnic::app {
namespace {

sigset_t shutdownSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGUSR2);  // only wakes our own thread at the end
  return set;
}

// Waits for one, until `end`; -1 = none has come.
int nextSignal(const sigset_t& set, const std::optional<MonoTime>& end) {
  if (!end) return sigwaitinfo(&set, nullptr);
  const Duration left =
      std::max<Duration>(*end - std::chrono::steady_clock::now(), Duration::zero());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
  const timespec time{seconds.count(), (left - seconds).count()};
  return sigtimedwait(&set, nullptr, &time);
}

}  // namespace

ShutdownSignals::ShutdownSignals(Duration grace, const Logger& log) : grace_(grace), log_(log) {
  const sigset_t set = shutdownSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // a peer that hangs up is an error of a write, not our end
  thread_ = std::jthread([this](std::stop_token stop) { wait(stop); });
}

ShutdownSignals::~ShutdownSignals() {
  thread_.request_stop();
  pthread_kill(thread_.native_handle(), SIGUSR2);
}

void ShutdownSignals::wait(std::stop_token stop) {
  const sigset_t set = shutdownSignals();
  std::optional<MonoTime> end;
  while (!stop.stop_requested()) {
    const int signal = nextSignal(set, end);
    if (end && std::chrono::steady_clock::now() >= *end) {
      log_.error("Not finished within the time for an orderly end; ending at once", {});
      _exit(1);
    }
    if (signal < 0 || signal == SIGUSR2) continue;
    if (!source_.request_stop()) _exit(1);
    end = std::chrono::steady_clock::now() + grace_;
  }
}

}  // namespace vnic::app
