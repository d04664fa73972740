// SPDX-License-Identifier: Apache-2.0
// The operator as it ships, but for its hosts, which are in memory and take no time:
//   bench_operator HOSTS VFS_PER_HOST VMS [the operator's own flags]
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "app/operator.h"
#include "app/shutdown.h"
#include "bench/world.h"
#include "kube/cpprest_transport.h"

int main(int argc, char** argv) {
  using namespace vnic;
  if (argc < 4) {
    std::fputs("usage: bench_operator HOSTS VFS_PER_HOST VMS [FLAG]...\n", stderr);
    return 2;
  }
  const bench::WorldSize world{std::stoi(argv[1]), std::stoi(argv[2]), std::stoi(argv[3])};
  const auto command = app::parseCommandLine({argv + 4, argv + argc});
  const auto* options = std::get_if<app::Options>(&command);
  if (options == nullptr) {
    std::fputs("bench_operator takes the flags of running the operator\n", stderr);
    return 2;
  }
  const Logger log = Logger::toStderr(options->logFormat, options->logLevel);
  app::ShutdownSignals signals(std::chrono::seconds(25), log);
  if (!kube::initializeTransportThreads(app::kTransportThreads)) return 1;
  test::FakeHypervisor hosts;
  bench::buildHosts(hosts, world);
  return app::Operator(*options, hosts, signals.token(), log).run();
}
