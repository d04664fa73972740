// SPDX-License-Identifier: Apache-2.0
#include "runtime/controller.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <random>
#include <utility>

#include "runtime/uuid.h"

namespace vnic::runtime {
namespace {

std::string secondsText(Duration duration) {
  return std::to_string(std::chrono::duration<double>(duration).count());
}

}  // namespace

Controller::Controller(Options options, reconcile::Reconciler& reconciler, Clock& clock,
                       Metrics& metrics, const Logger& log)
    : options_(std::move(options)),
      reconciler_(reconciler),
      clock_(clock),
      log_(log.with({{"controller", options_.name}})),
      metrics_(metrics.controller(options_.name, options_.workers)),
      queueMetrics_(metrics.workQueue(options_.name)),
      queue_(clock, queueMetrics_.get()),
      unfinished_(metrics.watchUnfinished(options_.name, queue_)) {}

Controller::~Controller() {
  stop();
}

void Controller::start() {
  log_.info("Started workers", {{"workers", std::to_string(options_.workers)}});
  for (int i = 0; i < options_.workers; ++i) threads_.emplace_back([this] { work(); });
  if (options_.resync) {
    resync_ = std::jthread([this](std::stop_token stop) { resyncLoop(std::move(stop)); });
  }
}

void Controller::takeNoMore() {
  queue_.shutdown();
  resync_.request_stop();
}

bool Controller::drain(Duration atMost) {
  takeNoMore();
  const std::size_t left = queue_.waitUntilIdle(atMost);
  if (left > 0) log_.warn("Passes under way are cut short", {{"passes", std::to_string(left)}});
  return left == 0;
}

void Controller::stop() {
  takeNoMore();
  passes_.request_stop();
  threads_.clear();
  if (resync_.joinable()) resync_.join();
}

std::optional<api::ObjectKey> Controller::processNext() {
  const auto item = queue_.tryGet();
  if (!item) return std::nullopt;
  process(*item);
  return item->key;
}

void Controller::work() {
  // The queue's shutdown ends this loop; the stop token is only for passes.
  while (const auto item = queue_.get({})) process(*item);
}

void Controller::process(const queue::Item& item) {
  if (options_.client != nullptr && !options_.client->caughtUp(item.key)) {
    // A watch event follows a write within milliseconds, unless the watch has broken.
    queue_.add(item.key, {.rateLimited = true, .priority = item.priority});
  } else {
    pass(item);
  }
  queue_.done(item.key);
}

void Controller::pass(const queue::Item& item) {
  metrics_.activeWorkers.Increment();
  const Logger log = log_.with(
      {{"namespace", item.key.ns}, {"name", item.key.name}, {"reconcileID", randomUuid()}});
  const MonoTime begun = clock_.now();
  const Result<reconcile::Done> result = reconcileGuarded(item.key, log);
  const Duration took = clock_.now() - begun;
  metrics_.seconds.Observe(std::chrono::duration<double>(took).count());
  log.debug("Reconciled", {{"seconds", secondsText(took)}});
  settle(item, result, log);
  metrics_.activeWorkers.Decrement();
}

// An exception that gets here is a bug. It ends this pass, not the operator: other objects go on.
Result<reconcile::Done> Controller::reconcileGuarded(const api::ObjectKey& key, const Logger& log) {
  std::string what = "unknown exception";
  std::optional<TrackingClient::Pass> writes;
  if (options_.client != nullptr) writes.emplace(*options_.client, key);
  try {
    return reconciler_.reconcile(key, passes_.get_token());
  } catch (const std::exception& exception) {
    what = exception.what();
  } catch (...) {
  }
  metrics_.panics.Increment();
  log.error("Pass threw an exception", {{"error", what}});
  return fail(Error::transient("exception: " + what));
}

// What a result means; the rule is in reconcile/contract/reconciler.h.
void Controller::settle(const queue::Item& item, const Result<reconcile::Done>& result,
                        const Logger& log) {
  if (result) {
    queue_.forget(item.key);
    if (result->requeueAfter) {
      metrics_.requeueAfter.Increment();
      queue_.add(item.key, {.after = *result->requeueAfter, .priority = item.priority});
    } else {
      metrics_.success.Increment();
    }
    return;
  }
  const Error& error = result.error();
  const queue::AddOptions retry{.after = std::chrono::seconds(error.retryAfterSeconds),
                                .rateLimited = true,
                                .priority = item.priority};
  switch (error.kind) {
    // Somebody was faster, or we are being stopped: nothing is wrong.
    case ErrorKind::Conflict:
    case ErrorKind::Cancelled:
      log.debug("Pass is repeated", {{"reason", error.message}});
      metrics_.requeue.Increment();
      queue_.add(item.key, retry);
      break;
    // The same pass would fail in the same way. A change of the object brings it up again.
    case ErrorKind::Terminal:
    case ErrorKind::Invalid:
      log.error("Reconciler error, not retried", {{"error", error.message}});
      metrics_.terminalErrors.Increment();
      metrics_.errors.Increment();
      metrics_.error.Increment();
      queue_.forget(item.key);
      break;
    default:
      log.error("Reconciler error",
                {{"error", error.message}, {"errorKind", toString(error.kind)}});
      metrics_.errors.Increment();
      metrics_.error.Increment();
      queue_.add(item.key, retry);
      break;
  }
}

void Controller::resyncLoop(std::stop_token stop) {
  std::mt19937_64 random(std::hash<std::string>{}(options_.name));
  while (true) {
    const auto period = std::chrono::duration<double>(options_.resyncPeriod) *
                        std::uniform_real_distribution<>(1.0, 1.1)(random);
    if (!clock_.sleepFor(std::chrono::duration_cast<Duration>(period), stop)) return;
    options_.resync();
  }
}

}  // namespace vnic::runtime
