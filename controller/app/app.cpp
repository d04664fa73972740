// SPDX-License-Identifier: Apache-2.0
#include "app/app.h"

#include <unistd.h>

#include <atomic>
#include <iostream>

#include "app/caches.h"
#include "app/controllers.h"
#include "app/host_metrics.h"
#include "app/request_metrics.h"
#include "app/servers.h"
#include "app/shutdown.h"
#include "app/version.h"
#include "hypervisor/check_host.h"
#include "hypervisor/libvirt/libvirt_hypervisor.h"
#include "kube/connection.h"
#include "kube/kubeconfig.h"
#include "runtime/leader_elector.h"

namespace vnic::app {
namespace {

using namespace std::chrono_literals;

constexpr int kExitFailure = 1;
// All HTTP goes through these; our own code never runs on them. Five watches, a leader's renewals
// and the workers' requests need no more.
constexpr std::size_t kTransportThreads = 4;
constexpr Duration kCacheSyncTimeout = 2min;
constexpr Duration kCheckPatience = 30s;

std::string userAgent() {
  return std::string("vnic-operator/") + kVersion + " (linux/amd64)";
}

kube::RestOptions restOptions(const Options& options) {
  kube::RestOptions rest;
  rest.userAgent = userAgent();
  rest.requestsPerSecond = options.kubeApiQps;
  rest.burst = options.kubeApiBurst;
  return rest;
}

// Renewals must neither wait behind other requests nor outlast the Lease.
kube::RestOptions leaseRestOptions(const Options& options) {
  kube::RestOptions rest;
  rest.userAgent = userAgent();
  rest.requestDeadline = std::chrono::milliseconds(options.renewDeadlineSeconds * 500);
  rest.maxRetries = 0;
  return rest;
}

hypervisor::LibvirtOptions libvirtOptions(const Options& options) {
  hypervisor::LibvirtOptions libvirt;
  libvirt.pkiPath = options.libvirtPkiPath;
  libvirt.allowInsecure = options.allowInsecureLibvirt;
  return libvirt;
}

runtime::LeaderElector::Options leaderOptions(const Options& options) {
  runtime::LeaderElector::Options lease;
  lease.ns = options.ns;
  lease.identity = runtime::leaderIdentity();
  lease.leaseDuration = std::chrono::seconds(options.leaseDurationSeconds);
  lease.renewDeadline = std::chrono::seconds(options.renewDeadlineSeconds);
  lease.retryPeriod = std::chrono::seconds(options.retryPeriodSeconds);
  return lease;
}

class Operator {
 public:
  Operator(const Options& options, ShutdownSignals& signals, const Logger& log)
      : options_(options), signals_(signals), log_(log) {}

  int run() {
    addHealthChecks();
    if (const Status s = servers_.start(options_, health_, metrics_, log_); !s) return give(s);
    auto config = kube::loadClusterConfig(options_.kubeconfig, options_.context,
                                          kube::KubeEnvironment::fromProcess());
    if (!config) return give(config);
    auto connection = kube::Connection::open(std::move(*config), clock_, log_);
    if (!connection) return give(connection);
    RequestMetrics requests(metrics_);
    const auto client = (*connection)->makeClient(restOptions(options_), &requests);
    const auto leaseClient = (*connection)->makeClient(leaseRestOptions(options_), &requests);
    const int code = work(*client, *leaseClient);
    servers_.stop();
    return code;
  }

 private:
  template <class T>
  int give(const T& failed) {
    log_.error("Cannot go on", {{"error", failed.error().message}});
    return kExitFailure;
  }

  void addHealthChecks() {
    using Kind = runtime::Health::Kind;
    health_.add(Kind::Liveness, "leader", [this]() -> std::optional<std::string> {
      const auto* elector = elector_.load();
      return elector ? elector->stuck() : std::nullopt;
    });
    health_.add(Kind::Readiness, "caches", [this]() -> std::optional<std::string> {
      if (synced_.load()) return std::nullopt;
      return "the first list of the API server's objects is not complete";
    });
  }

  int work(kube::Client& client, kube::Client& leaseClient) {
    hypervisor::LibvirtHypervisor hypervisor(log_, libvirtOptions(options_));
    Caches caches(client, clock_, log_);
    HostMetrics hostMetrics(caches.hosts.store(), metrics_);
    runtime::EventRecorder::Options eventOptions;
    eventOptions.instance = runtime::leaderIdentity();
    runtime::EventRecorder events(std::move(eventOptions), client, clock_, log_);
    runtime::LeaderElector elector(leaderOptions(options_), leaseClient, clock_,
                                   metrics_.leader("vnic-operator"), log_);
    Controllers controllers(options_, {client, hypervisor, caches, events, clock_, metrics_, log_,
                                       [this, &elector] { return leaseTimeLeft(elector); }});
    for (auto* informer : caches.all()) informer->start();
    for (auto* informer : caches.all()) {
      if (!informer->waitForSync(kCacheSyncTimeout, signals_.token())) {
        return signals_.token().stop_requested() ? 0 : tooSlow(*informer);
      }
    }
    synced_ = true;
    log_.info("Caches are complete", {});
    if (!lead(elector)) return 0;
    events.start();
    controllers.start();
    while (clock_.sleepFor(1h, signals_.token())) {
    }
    log_.info("Stopping", {});
    controllers.stop();
    events.stop();
    elector.stop();  // last: whoever leads next may begin from here on
    elector_ = nullptr;
    for (auto* informer : caches.all()) informer->stop();
    return 0;
  }

  bool lead(runtime::LeaderElector& elector) {
    if (!options_.leaderElect) return true;
    elector_ = &elector;
    elector.start([this] {
      log_.error("Lost the leader's Lease; ending at once", {});
      _exit(kExitFailure);
    });
    if (elector.waitUntilLeading(signals_.token())) return true;
    elector.stop();
    elector_ = nullptr;
    return false;
  }

  Duration leaseTimeLeft(const runtime::LeaderElector& elector) const {
    return options_.leaderElect ? elector.timeLeft() : Duration(24h);
  }

  int tooSlow(const cache::InformerBase& informer) {
    log_.error("The first list did not complete in time; see the errors above",
               {{"kind", std::string(informer.kind())}});
    return kExitFailure;
  }

  const Options& options_;
  ShutdownSignals& signals_;
  Logger log_;
  SystemClock clock_;
  runtime::Metrics metrics_;
  runtime::Health health_;
  Servers servers_;
  std::atomic<bool> synced_{false};
  std::atomic<const runtime::LeaderElector*> elector_{nullptr};
};

}  // namespace

int run(const Options& options) {
  ShutdownSignals signals;
  const Logger log = Logger::toStderr(options.logFormat, options.logLevel);
  log.info("Starting", {{"version", kVersion}});
  if (const Status s = kube::initializeTransportThreads(kTransportThreads); !s) {
    log.error("Cannot go on", {{"error", s.error().message}});
    return kExitFailure;
  }
  return Operator(options, signals, log).run();
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

}  // namespace vnic::app
