// SPDX-License-Identifier: Apache-2.0
// A small operator that does nothing but lead: lease_holder KUBECONFIG NAMESPACE LEASE IDENTITY.
// Prints "leading" when it does. SIGTERM: releases and ends with 0. Lease lost: ends with 3 at
// once.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <thread>

#include "kube/connection.h"
#include "kube/kubeconfig.h"
#include "runtime/leader_elector.h"

int main(int argc, char** argv) {
  using namespace vnic;
  if (argc != 5) return 2;
  sigset_t terminate;
  sigemptyset(&terminate);
  sigaddset(&terminate, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &terminate, nullptr);  // before the first thread

  const Logger log = Logger::toStderr(LogFormat::Text, LogLevel::Info);
  SystemClock clock;
  auto config = kube::readKubeconfig({argv[1]}, "");
  if (!config) return 2;
  auto connection = kube::Connection::open(*config, clock, log);
  if (!connection) return 2;
  kube::RestOptions rest;
  rest.requestDeadline = std::chrono::seconds(5);
  rest.maxRetries = 0;
  const auto client = (*connection)->makeClient(rest);

  runtime::Metrics metrics;
  runtime::LeaderElector::Options options;
  options.ns = argv[2];
  options.name = argv[3];
  options.identity = argv[4];
  runtime::LeaderElector elector(options, *client, clock, metrics.leader(options.name), log);
  std::stop_source stop;
  std::jthread announcer([&] {
    if (!elector.waitUntilLeading(stop.get_token())) return;
    std::puts("leading");
    std::fflush(stdout);
  });
  elector.start([] { _exit(3); });
  int signal = 0;
  sigwait(&terminate, &signal);
  elector.stop();
  stop.request_stop();
  return 0;
}
