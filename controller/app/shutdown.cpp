// SPDX-License-Identifier: Apache-2.0
#include "app/shutdown.h"

#include <pthread.h>
#include <unistd.h>

#include <csignal>

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

}  // namespace

ShutdownSignals::ShutdownSignals() {
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
  while (!stop.stop_requested()) {
    int signal = 0;
    if (sigwait(&set, &signal) != 0 || signal == SIGUSR2) continue;
    if (!source_.request_stop()) _exit(1);
  }
}

}  // namespace vnic::app
