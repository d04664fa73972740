// SPDX-License-Identifier: Apache-2.0
#include "app/operator.h"

#include <unistd.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "admission/webhook.h"
#include "app/caches.h"
#include "app/controllers.h"
#include "app/host_metrics.h"
#include "app/node_hosts.h"
#include "app/object_metrics.h"
#include "app/request_metrics.h"
#include "app/version.h"
#include "kube/connection.h"
#include "kube/kubeconfig.h"

namespace vnic::app {
namespace {

using namespace std::chrono_literals;

constexpr Duration kCacheSyncTimeout = 2min;  // of all caches together
// How long passes under way may take to end by themselves. With what follows (cut requests, events,
// the Lease) the end takes less than kShutdownGrace (app.cpp), also when the API server is silent.
constexpr Duration kPassGrace = 10s;

kube::RestOptions passRestOptions(const Options& options) {
  kube::RestOptions rest;
  rest.userAgent = userAgent();
  rest.requestsPerSecond = options.kubeApiQps;
  rest.burst = options.kubeApiBurst;
  return rest;
}

// Back-off limits them; a limit on top would only delay what everything waits for.
kube::RestOptions cacheRestOptions() {
  kube::RestOptions rest;
  rest.userAgent = userAgent();
  rest.requestsPerSecond = 0;
  return rest;
}

// client-go's limit for a recorder. The recorder itself tries again, and at the end not for long.
kube::RestOptions eventRestOptions() {
  kube::RestOptions rest;
  rest.userAgent = userAgent();
  rest.requestsPerSecond = 5;
  rest.burst = 10;
  rest.requestDeadline = 2s;
  rest.maxRetries = 0;
  return rest;
}

// The API server waits for us while we ask it.
kube::RestOptions reviewRestOptions() {
  kube::RestOptions rest;
  rest.userAgent = userAgent();
  rest.requestDeadline = 1s;
  rest.maxRetries = 0;
  return rest;
}

// Renewals must neither wait behind other requests nor outlast the Lease.
kube::RestOptions leaseRestOptions(const Options& options) {
  kube::RestOptions rest;
  rest.userAgent = userAgent();
  rest.requestDeadline = std::chrono::milliseconds(options.renewDeadlineSeconds * 500);
  rest.maxRetries = 0;
  rest.requestsPerSecond = 0;
  return rest;
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

// The informers run as long as this lives: handlers must not be called when what they add keys to
// is gone, whichever way the operator ends.
class RunningInformers {
 public:
  RunningInformers(std::vector<cache::InformerBase*> informers, std::stop_source& cut)
      : informers_(std::move(informers)), cut_(cut) {
    for (auto* informer : informers_) informer->start();
  }
  ~RunningInformers() {
    cut_.request_stop();  // a list under way would be waited for
    for (auto* informer : informers_) informer->stop();
  }
  RunningInformers(const RunningInformers&) = delete;
  RunningInformers& operator=(const RunningInformers&) = delete;

 private:
  std::vector<cache::InformerBase*> informers_;
  std::stop_source& cut_;
};

}  // namespace

int Operator::run() {
  addHealthChecks();
  prometheus::BuildGauge()
      .Name("vnic_build_info")
      .Help("1, with the operator's version and commit")
      .Register(metrics_.registry())
      .Add({{"version", kVersion}, {"commit", kCommit}})
      .Set(1);
  if (const Status s = servers_.start(options_, health_, metrics_, log_); !s) return give(s);
  auto config = kube::loadClusterConfig(options_.kubeconfig, options_.context,
                                        kube::KubeEnvironment::fromProcess());
  if (!config) return give(config);
  auto connection = kube::Connection::open(std::move(*config), clock_, log_);
  if (!connection) return give(connection);
  RequestMetrics requests(metrics_);
  const auto client = [&](kube::RestOptions rest, std::stop_token stop = {}) {
    return (*connection)->makeClient(std::move(rest), &requests, std::move(stop));
  };
  const int code =
      work({client(leaseRestOptions(options_)), client(cacheRestOptions(), cut_.get_token()),
            client(passRestOptions(options_), cut_.get_token()), client(eventRestOptions()),
            client(reviewRestOptions(), cut_.get_token())});
  servers_.stop();
  return code;
}

template <class T>
int Operator::give(const T& failed) {
  log_.error("Cannot go on", {{"error", failed.error().message}});
  return EXIT_FAILURE;
}

void Operator::addHealthChecks() {
  using Kind = runtime::Health::Kind;
  health_.add(Kind::Liveness, "leader", [this]() -> std::optional<std::string> {
    const std::lock_guard lock(electorMutex_);
    return elector_ ? elector_->stuck() : std::nullopt;
  });
  health_.add(Kind::Readiness, "caches", [this]() -> std::optional<std::string> {
    if (synced_.load()) return std::nullopt;
    return "the first list of the API server's objects is not complete";
  });
}

int Operator::work(const Clients& clients) {
  Caches caches(*clients.caches, clock_, log_);
  HostMetrics hostMetrics(caches.hosts.store(), metrics_);
  ObjectMetrics objectMetrics(caches, metrics_);
  runtime::EventRecorder::Options eventOptions;
  eventOptions.instance = runtime::leaderIdentity();
  runtime::EventRecorder events(std::move(eventOptions), *clients.events, clock_, log_);
  runtime::LeaderElector elector(leaderOptions(options_), *clients.lease, clock_,
                                 metrics_.leader("vnic-operator"), log_);
  Controllers controllers(options_, {*clients.passes, hypervisor_, caches, events, clock_, metrics_,
                                     log_, [this, &elector] { return leaseTimeLeft(elector); }});
  std::optional<NodeHosts> nodeHosts;
  const auto cached = caches.all();
  std::vector<cache::InformerBase*> informers(cached.begin(), cached.end());
  if (!options_.nodeLibvirtURI.empty()) {
    nodeHosts.emplace(options_, NodeHosts::Ports{*clients.caches, *clients.passes, caches.hosts,
                                                 clock_, metrics_, log_});
    informers.push_back(&nodeHosts->informer());
  }
  const RunningInformers running(informers, cut_);
  const MonoTime deadline = clock_.now() + kCacheSyncTimeout;
  for (auto* informer : informers) {
    if (!informer->waitForSync(deadline - clock_.now(), stop_)) {
      return stop_.stop_requested() ? 0 : tooSlow(*informer);
    }
  }
  synced_ = true;
  log_.info("Caches are complete", {});
  admission::Webhook webhook(
      {caches.profiles.store(), caches.vnics.store(), *clients.reviews, clock_},
      metrics_.registry(), log_);
  const auto reviewServer = startWebhookServer(
      options_, admission::kPath,
      [&webhook](const serving::Request& request) { return webhook.handle(request); }, health_,
      clock_, log_);
  if (!reviewServer) return give(reviewServer);
  if (!lead(elector)) return 0;
  events.start();
  controllers.start();
  if (nodeHosts) nodeHosts->controller().start();
  while (clock_.sleepFor(1h, stop_)) {
  }
  log_.info("Stopping", {});
  if (nodeHosts) nodeHosts->controller().takeNoMore();
  controllers.drain(kPassGrace);
  cut_.request_stop();
  controllers.stop();
  if (nodeHosts) nodeHosts->controller().stop();
  events.stop();
  elector.stop();  // last: whoever leads next may begin from here on
  watchOver(nullptr);
  return 0;
}

bool Operator::lead(runtime::LeaderElector& elector) {
  if (!options_.leaderElect) return true;
  watchOver(&elector);
  elector.start([this] {
    log_.error("Lost the leader's Lease; ending at once", {});
    _exit(EXIT_FAILURE);
  });
  if (elector.waitUntilLeading(stop_)) return true;
  elector.stop();
  watchOver(nullptr);
  return false;
}

void Operator::watchOver(const runtime::LeaderElector* elector) {
  const std::lock_guard lock(electorMutex_);
  elector_ = elector;
}

Duration Operator::leaseTimeLeft(const runtime::LeaderElector& elector) const {
  return options_.leaderElect ? elector.timeLeft() : Duration(24h);
}

int Operator::tooSlow(const cache::InformerBase& informer) {
  log_.error("The first list did not complete in time; see the errors above",
             {{"kind", std::string(informer.kind())}});
  return EXIT_FAILURE;
}

}  // namespace vnic::app
