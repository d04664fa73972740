// SPDX-License-Identifier: Apache-2.0
#include "queue/work_queue.h"

#include <algorithm>

namespace vnic::queue {

WorkQueue::WorkQueue(Clock& clock, QueueMetrics* metrics, RateLimiter::Policy policy)
    : clock_(clock), metrics_(metrics), limiter_(policy) {}

void WorkQueue::add(const api::ObjectKey& key, AddOptions options) {
  const std::lock_guard lock(mutex_);
  if (shutdown_) return;
  const MonoTime now = clock_.now();
  Duration after = std::max(options.after, Duration::zero());
  if (options.rateLimited) {
    after = std::max(after, limiter_.next(key));
    if (metrics_ != nullptr) metrics_->retried();
  }
  auto [found, inserted] = entries_.try_emplace(key);
  Entry& entry = found->second;
  if (inserted) {
    entry = {.sequence = nextSequence_++,
             .priority = options.priority,
             .readyAt = now + after,
             .counted = false};
  } else {
    delist(key, entry);
    if (options.priority > entry.priority) {
      if (entry.counted && metrics_ != nullptr) {
        metrics_->depthChanged(entry.priority, -1);
        metrics_->depthChanged(options.priority, +1);
      }
      entry.priority = options.priority;
    }
    entry.readyAt = std::min(entry.readyAt, now + after);
  }
  enlist(key, entry, now);
  wakeOne();
}

std::optional<Item> WorkQueue::get(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const MonoTime now = clock_.now();
    if (auto item = take(now)) return item;
    if (shutdown_) return std::nullopt;
    const auto news = [this, seen = version_] { return version_ != seen; };
    if (waiting_.empty()) {
      changed_.wait(lock, stop, news);
    } else {
      changed_.wait_for(lock, stop, std::get<MonoTime>(*waiting_.begin()) - now, news);
    }
  }
  return std::nullopt;
}

std::optional<Item> WorkQueue::tryGet() {
  const std::lock_guard lock(mutex_);
  return take(clock_.now());
}

void WorkQueue::done(const api::ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  const auto working = processing_.find(key);
  if (working == processing_.end()) return;
  const MonoTime now = clock_.now();
  if (metrics_ != nullptr) metrics_->finished(now - working->second);
  processing_.erase(working);
  if (processing_.empty()) idle_.notify_all();
  if (const auto again = entries_.find(key); again != entries_.end()) {
    enlist(key, again->second, now);
    wakeOne();
  }
}

void WorkQueue::forget(const api::ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  limiter_.forget(key);
}

int WorkQueue::failures(const api::ObjectKey& key) const {
  const std::lock_guard lock(mutex_);
  return limiter_.failures(key);
}

void WorkQueue::shutdown() {
  const std::lock_guard lock(mutex_);
  shutdown_ = true;
  ++version_;
  changed_.notify_all();
}

std::size_t WorkQueue::waitUntilIdle(Duration atMost) {
  std::unique_lock lock(mutex_);
  idle_.wait_for(lock, atMost, [this] { return processing_.empty(); });
  return processing_.size();
}

std::optional<MonoTime> WorkQueue::nextReady() const {
  const std::lock_guard lock(mutex_);
  if (!ready_.empty()) return clock_.now();
  if (!waiting_.empty()) return std::get<MonoTime>(*waiting_.begin());
  return std::nullopt;
}

std::size_t WorkQueue::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

Unfinished WorkQueue::unfinished() const {
  const std::lock_guard lock(mutex_);
  const MonoTime now = clock_.now();
  Unfinished result;
  for (const auto& [key, since] : processing_) {
    result.total += now - since;
    result.longest = std::max<Duration>(result.longest, now - since);
  }
  return result;
}

// Puts an entry where it belongs now: nowhere while its key is in work.
void WorkQueue::enlist(const api::ObjectKey& key, Entry& entry, MonoTime now) {
  if (entry.readyAt <= now) countReady(entry);
  if (processing_.contains(key)) return;
  if (entry.readyAt <= now) {
    ready_.emplace(-entry.priority, entry.sequence, key);
  } else {
    waiting_.emplace(entry.readyAt, entry.sequence, key);
  }
}

void WorkQueue::delist(const api::ObjectKey& key, const Entry& entry) {
  ready_.erase({-entry.priority, entry.sequence, key});
  waiting_.erase({entry.readyAt, entry.sequence, key});
}

// Moves those whose time has come from waiting to ready.
void WorkQueue::promote(MonoTime now) {
  while (!waiting_.empty() && std::get<MonoTime>(*waiting_.begin()) <= now) {
    const api::ObjectKey key = std::get<api::ObjectKey>(*waiting_.begin());
    waiting_.erase(waiting_.begin());
    enlist(key, entries_.at(key), now);
  }
}

void WorkQueue::countReady(Entry& entry) {
  if (entry.counted) return;
  entry.counted = true;
  if (metrics_ == nullptr) return;
  metrics_->added();
  metrics_->depthChanged(entry.priority, +1);
}

std::optional<Item> WorkQueue::take(MonoTime now) {
  if (shutdown_) return std::nullopt;
  promote(now);
  if (ready_.empty()) return std::nullopt;
  Item item{std::get<api::ObjectKey>(*ready_.begin()), -std::get<int>(*ready_.begin())};
  ready_.erase(ready_.begin());
  const auto entry = entries_.find(item.key);
  if (metrics_ != nullptr) {
    metrics_->depthChanged(entry->second.priority, -1);
    metrics_->started(now - entry->second.readyAt);
  }
  entries_.erase(entry);
  processing_.emplace(item.key, now);
  // Several keys may have become ready at one moment, and others may wait for theirs: a worker that
  // sleeps has to look after them while this one works.
  if (!ready_.empty() || !waiting_.empty()) wakeOne();
  return item;
}

void WorkQueue::wakeOne() {
  ++version_;
  changed_.notify_one();
}

}  // namespace vnic::queue
