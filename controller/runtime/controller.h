// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "queue/work_queue.h"
#include "reconcile/contract/reconciler.h"
#include "runtime/metrics.h"
#include "runtime/tracking_client.h"
#include "support/clock.h"
#include "support/log.h"

namespace vnic::runtime {

// Takes keys from its queue and gives them to a Reconciler, with several workers; the same key
// never to two of them at once. What the result means is in one switch (controller.cpp, `settle`).
class Controller {
 public:
  struct Options {
    std::string name;  // label of metrics and logs
    int workers = 1;
    // The client that the reconciler writes with: passes wait until the caches have their key's
    // earlier writes. nullptr = the reconciler writes nothing that it reads from a cache.
    TrackingClient* client = nullptr;
    // Called every `resyncPeriod` (plus up to a tenth), for example to replay an informer into the
    // queue: against events that got lost in systems other than Kubernetes. Empty = never.
    std::function<void()> resync = {};
    Duration resyncPeriod = std::chrono::hours(10);
  };

  Controller(Options options, reconcile::Reconciler& reconciler, Clock& clock, Metrics& metrics,
             const Logger& log);
  ~Controller();
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  // Keys may be added from the beginning, from any thread; they wait for start().
  queue::WorkQueue& queue() { return queue_; }

  void start();

  // The end, in steps, so that several controllers can end together. All are safe to call again.
  void takeNoMore();
  // Waits for the passes under way, `atMost`. False when some go on.
  bool drain(Duration atMost);
  // Tells those that go on to give up (by their stop token), and waits for them.
  void stop();

  // One pass on the calling thread, for worlds with one thread, and for which key; nullopt: none
  // was ready.
  std::optional<api::ObjectKey> processNext();

 private:
  void work();
  void process(const queue::Item& item);
  void pass(const queue::Item& item);
  Result<reconcile::Done> reconcileGuarded(const api::ObjectKey& key, const Logger& log);
  void settle(const queue::Item& item, const Result<reconcile::Done>& result, const Logger& log);
  void resyncLoop(std::stop_token stop);

  Options options_;
  reconcile::Reconciler& reconciler_;
  Clock& clock_;
  Logger log_;
  ControllerMetrics metrics_;
  std::unique_ptr<queue::QueueMetrics> queueMetrics_;
  queue::WorkQueue queue_;
  std::shared_ptr<void> unfinished_;
  std::stop_source passes_;  // fired when passes under way should give up
  std::vector<std::jthread> threads_;
  std::jthread resync_;
};

}  // namespace vnic::runtime
