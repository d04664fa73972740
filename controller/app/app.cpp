// SPDX-License-Identifier: Apache-2.0
#include "app/app.h"

#include <iostream>

#include "app/check_cluster.h"
#include "app/operator.h"
#include "app/shutdown.h"
#include "app/version.h"
#include "hypervisor/check_host.h"
#include "hypervisor/libvirt/libvirt_hypervisor.h"
#include "kube/connection.h"
#include "kube/cpprest_transport.h"
#include "kube/kubeconfig.h"

namespace vnic::app {
namespace {

using namespace std::chrono_literals;

constexpr int kExitFailure = 1;
constexpr Duration kCheckPatience = 30s;
// Kubernetes kills a Pod 30 s after SIGTERM, unless told otherwise.
constexpr Duration kShutdownGrace = 25s;

hypervisor::LibvirtOptions libvirtOptions(const Options& options) {
  hypervisor::LibvirtOptions libvirt;
  libvirt.pkiPath = options.libvirtPkiPath;
  libvirt.allowInsecure = options.allowInsecureLibvirt;
  return libvirt;
}

}  // namespace

int run(const Options& options) {
  const Logger log = Logger::toStderr(options.logFormat, options.logLevel);
  ShutdownSignals signals(kShutdownGrace, log);
  log.info("Starting", {{"version", kVersion}, {"commit", kCommit}});
  if (const Status s = kube::initializeTransportThreads(kTransportThreads); !s) {
    log.error("Cannot go on", {{"error", s.error().message}});
    return kExitFailure;
  }
  hypervisor::LibvirtHypervisor hypervisor(log, libvirtOptions(options));
  return Operator(options, hypervisor, signals.token(), log).run();
}

int checkHost(const CheckHostOptions& options) {
  // A person names the URI, so it is opened as it is.
  hypervisor::LibvirtOptions libvirt;
  libvirt.allowInsecure = true;
  hypervisor::LibvirtHypervisor hypervisor(Logger(), libvirt);
  SystemClock clock;
  const auto peer =
      options.peerURI.empty() ? std::nullopt : std::optional<std::string>(options.peerURI);
  return hypervisor::checkHost(hypervisor, clock, options.uri, peer, kCheckPatience, std::cout);
}

int checkCluster(const CheckClusterOptions& options) {
  const auto failed = [](const std::string& why) {
    std::cerr << "The cluster cannot be asked: " << why << '\n';
    return kExitFailure;
  };
  if (const Status s = kube::initializeTransportThreads(1); !s) return failed(s.error().message);
  auto config = kube::loadClusterConfig(options.run.kubeconfig, options.run.context,
                                        kube::KubeEnvironment::fromProcess());
  if (!config) return failed(config.error().message);
  SystemClock clock;
  auto connection = kube::Connection::open(std::move(*config), clock, Logger());
  if (!connection) return failed(connection.error().message);
  kube::RestOptions rest;
  rest.userAgent = userAgent();
  const auto client = (*connection)->makeClient(rest);
  return checkCluster(*client, clock, options.run, std::cout);
}

}  // namespace vnic::app
