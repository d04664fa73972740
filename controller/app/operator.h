// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <stop_token>
#include <utility>

#include "app/options.h"
#include "app/servers.h"
#include "hypervisor/hypervisor.h"
#include "kube/client.h"
#include "runtime/health.h"
#include "runtime/leader_elector.h"
#include "runtime/metrics.h"
#include "support/clock.h"

namespace vnic::cache {
class InformerBase;
}

namespace vnic::app {

// All HTTP of the process goes through these; our own code never runs on them. Five watches, a
// leader's renewals and the workers' requests need no more.
inline constexpr std::size_t kTransportThreads = 4;

// The object graph of one operator, over any hosts.
// kube::initializeTransportThreads(kTransportThreads) comes before the first one of a process.
class Operator {
 public:
  // All references outlive it. `stop` asks for an orderly end.
  Operator(const Options& options, hypervisor::Hypervisor& hypervisor, std::stop_token stop,
           const Logger& log)
      : options_(options), hypervisor_(hypervisor), stop_(std::move(stop)), log_(log) {}

  // Until it is asked to stop, or cannot go on; returns the process's exit code. A leader's Lease
  // that is lost ends the process at once.
  int run();

 private:
  template <class T>
  int give(const T& failed);
  void addHealthChecks();
  // Each has limits of its own, so that what is urgent never waits behind what is not.
  struct Clients {
    std::unique_ptr<kube::Client> lease;   // late is lost
    std::unique_ptr<kube::Client> caches;  // few requests, which everything else waits for
    std::unique_ptr<kube::Client> passes;
    std::unique_ptr<kube::Client> events;   // nothing waits for them
    std::unique_ptr<kube::Client> reviews;  // the API server waits for the webhook meanwhile
  };
  int work(const Clients& clients);
  bool lead(runtime::LeaderElector& elector);
  void watchOver(const runtime::LeaderElector* elector);
  Duration leaseTimeLeft(const runtime::LeaderElector& elector) const;
  int tooSlow(const cache::InformerBase& informer);

  const Options& options_;
  hypervisor::Hypervisor& hypervisor_;
  std::stop_token stop_;
  Logger log_;
  SystemClock clock_;
  runtime::Metrics metrics_;
  runtime::Health health_;
  Servers servers_;
  std::atomic<bool> synced_{false};
  std::stop_source cut_;  // ends all requests of caches and passes
  std::mutex electorMutex_;
  const runtime::LeaderElector* elector_ = nullptr;  // for the liveness check, while it is there
};

}  // namespace vnic::app
