// SPDX-License-Identifier: Apache-2.0
#include "app/app.h"

#include <cstdlib>
#include <iostream>
#include <string>
#include <utility>

#include "app/check_cluster.h"
#include "app/operator.h"
#include "app/shutdown.h"
#include "app/version.h"
#include "domain/describe_host.h"
#include "domain/vnic_manifest.h"
#include "hypervisor/check_host.h"
#include "hypervisor/libvirt/libvirt_hypervisor.h"
#include "kube/connection.h"
#include "kube/cpprest_transport.h"
#include "kube/kubeconfig.h"

namespace vnic::app {
namespace {

using namespace std::chrono_literals;

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
    return EXIT_FAILURE;
  }
  hypervisor::LibvirtHypervisor hypervisor(log, libvirtOptions(options));
  return Operator(options, hypervisor, signals.token(), log).run();
}

namespace {

// A person names the URI, so it is opened as it is.
hypervisor::LibvirtOptions asNamed() {
  hypervisor::LibvirtOptions libvirt;
  libvirt.allowInsecure = true;
  return libvirt;
}

// "host1" of qemu+tls://host1.example:16514/system?pkipath=...
std::string hostOf(const std::string& uri) {
  const auto begin = uri.find("://");
  if (begin == uri.npos) return "";
  const std::string authority = uri.substr(begin + 3, uri.find('/', begin + 3) - begin - 3);
  const std::string host = authority.substr(authority.find('@') + 1);
  return domain::kubernetesName(host.substr(0, host.find_first_of(":.")));
}

}  // namespace

int checkHost(const CheckHostOptions& options) {
  hypervisor::LibvirtHypervisor hypervisor(Logger(), asNamed());
  SystemClock clock;
  const auto peer =
      options.peerURI.empty() ? std::nullopt : std::optional<std::string>(options.peerURI);
  return hypervisor::checkHost(hypervisor, clock, options.uri, peer, kCheckPatience, std::cout);
}

int checkCluster(const CheckClusterOptions& options) {
  const auto failed = [](const std::string& why) {
    std::cerr << "The cluster cannot be asked: " << why << '\n';
    return EXIT_FAILURE;
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

int describeHost(const DescribeHostOptions& options) {
  hypervisor::LibvirtHypervisor hypervisor(Logger(), asNamed());
  SystemClock clock;
  const std::string host = "the host";
  hypervisor.setHost(host, options.uri);
  const auto snapshot = hypervisor::readWhenConnected(hypervisor, clock, host, kCheckPatience);
  if (!snapshot) {
    std::cerr << snapshot.error().message << "\n";
    return EXIT_FAILURE;
  }
  std::string name = options.name.empty() ? hostOf(options.uri) : options.name;
  if (name.empty()) name = "this-host";
  // What follows a question mark is for the client that opens the URI.
  const std::string uri = options.uri.substr(0, options.uri.find('?'));
  std::cout << domain::describeHost(name, uri, options.ns, *snapshot);
  return 0;
}

}  // namespace vnic::app
