// SPDX-License-Identifier: Apache-2.0
#include "runtime/event_recorder.h"

#include <algorithm>
#include <utility>

namespace vnic::runtime {
namespace {

constexpr api::ResourceType kEvents{"events.k8s.io", "v1", "events", "Event", true};
constexpr Duration kMaintenancePeriod = std::chrono::minutes(1);

}  // namespace

EventRecorder::EventRecorder(Options options, kube::Client& client, Clock& clock, const Logger& log)
    : options_(std::move(options)),
      client_(client),
      clock_(clock),
      log_(log),
      series_(options_.controller, options_.instance) {}

EventRecorder::~EventRecorder() {
  stop();
}

void EventRecorder::start() {
  thread_ = std::jthread([this](std::stop_token stop) { run(std::move(stop)); });
}

void EventRecorder::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void EventRecorder::record(const Event& event) {
  const std::lock_guard lock(mutex_);
  if (incoming_.size() >= options_.capacity) {
    ++dropped_;
    return;
  }
  incoming_.push_back({event, clock_.wall()});
  wakeup_.notify_one();
}

void EventRecorder::run(std::stop_token stop) {
  MonoTime maintenanceAt = clock_.now() + kMaintenancePeriod;
  while (!stop.stop_requested()) {
    collect();
    const MonoTime retryAt = writeDue(stop);
    if (clock_.now() >= maintenanceAt) {
      for (auto& write : series_.maintain(clock_.now())) pending_.push_back({std::move(write)});
      maintenanceAt = clock_.now() + kMaintenancePeriod;
      continue;
    }
    std::unique_lock lock(mutex_);
    wakeup_.wait_for(lock, stop, std::min(retryAt, maintenanceAt) - clock_.now(),
                     [this] { return !incoming_.empty() && pending_.size() < options_.capacity; });
  }
  flush();
}

// Last tries for what is queued: the end of a migration should not go unsaid because the operator
// ends right after it.
void EventRecorder::flush() {
  collect();
  const MonoTime deadline = clock_.now() + options_.flushTime;
  while (!pending_.empty() && clock_.now() < deadline) {
    attempt(pending_.front());
    pending_.pop_front();
  }
  if (!pending_.empty()) {
    log_.warn("Dropped events at the end", {{"events", std::to_string(pending_.size())}});
  }
}

// From what was recorded to what is to be written.
void EventRecorder::collect() {
  std::deque<Incoming> taken;
  std::uint64_t dropped = 0;
  {
    const std::lock_guard lock(mutex_);
    while (!incoming_.empty() && pending_.size() + taken.size() < options_.capacity) {
      taken.push_back(std::move(incoming_.front()));
      incoming_.pop_front();
    }
    dropped = std::exchange(dropped_, 0);
  }
  if (dropped > 0) {
    log_.warn("Dropped events, the queue is full", {{"events", std::to_string(dropped)}});
  }
  for (const Incoming& incoming : taken) {
    if (auto write = series_.observe(incoming.event, incoming.at, clock_.now())) {
      pending_.push_back({std::move(*write)});
    }
  }
}

// Tries everything whose time has come; returns when the next one's comes.
MonoTime EventRecorder::writeDue(std::stop_token stop) {
  MonoTime next = MonoTime::max();
  std::deque<Write> waiting;
  while (!pending_.empty()) {
    Write write = std::move(pending_.front());
    pending_.pop_front();
    const bool due = write.notBefore <= clock_.now() && !stop.stop_requested();
    if (due && attempt(write)) continue;
    next = std::min(next, write.notBefore);
    waiting.push_back(std::move(write));
  }
  pending_ = std::move(waiting);
  return next;
}

// True when this write needs no further try.
bool EventRecorder::attempt(Write& item) {
  EventWrite& write = item.write;
  Result<std::string> answer = send(write);
  if (!answer && !write.create && answer.error().kind == ErrorKind::NotFound) {
    write.create = true;  // the Event has expired (one hour, by default): it begins again
    answer = send(write);
  }
  if (answer) return true;
  switch (answer.error().kind) {
    case ErrorKind::AlreadyExists:  // an earlier try got through
      return true;
    case ErrorKind::Transient:
      if (++item.tries < options_.maxTries) {
        item.notBefore = clock_.now() + options_.retryPeriod;
        return false;
      }
      break;
    default:
      break;
  }
  log_.warn("Dropped an event",
            {{"event", write.object.value("reason", "")}, {"error", answer.error().message}});
  return true;
}

Result<std::string> EventRecorder::send(const EventWrite& write) {
  if (write.create) return client_.create(kEvents, write.object);
  return client_.patch(kEvents, write.key, kube::PatchType::Merge,
                       {{"series", write.object.at("series")}});
}

}  // namespace vnic::runtime
