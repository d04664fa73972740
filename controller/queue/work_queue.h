// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <tuple>
#include <unordered_map>

#include "api/meta.h"
#include "queue/queue_metrics.h"
#include "queue/rate_limiter.h"
#include "support/clock.h"

namespace vnic::queue {

// controller-runtime's two priorities: what somebody changed just now goes before what a restart or
// a resync brings in bulk.
inline constexpr int kPriorityChange = 0;
inline constexpr int kPriorityBulk = -100;

struct AddOptions {
  Duration after{};          // not before this has passed
  bool rateLimited = false;  // and not before the key's back-off has passed; counts a failure
  int priority = kPriorityChange;
};

struct Item {
  api::ObjectKey key;
  int priority = kPriorityChange;

  bool operator==(const Item&) const = default;
};

struct Unfinished {
  Duration total{};    // of all keys in work, how long they have been
  Duration longest{};  // the one that has been longest
};

// The keys that need a pass. A key is there at most once, and in work at most once: what is added
// while it is in work waits for done(). Adding a key again keeps the higher priority and the
// earlier time. Higher priority first, then first come first served; a key that waits for its time
// holds up nobody. Thread-safe.
class WorkQueue {
 public:
  explicit WorkQueue(Clock& clock, QueueMetrics* metrics = nullptr,
                     RateLimiter::Policy policy = {});

  void add(const api::ObjectKey& key, AddOptions options = {});

  // The next key that is ready, now in work; waits for one. nullopt: shut down, or stopped.
  std::optional<Item> get(std::stop_token stop);
  // The same without waiting; nullopt: nothing is ready now.
  std::optional<Item> tryGet();
  // The worker has finished with the key; if it was added meanwhile, it is up again.
  void done(const api::ObjectKey& key);

  void forget(const api::ObjectKey& key);
  int failures(const api::ObjectKey& key) const;

  // Adds are ignored and gets return nullopt from now on. Keys in work may still be done().
  void shutdown();
  // Waits until no key is in work. Returns how many are, 0 unless `atMost` (of real time) was over.
  std::size_t waitUntilIdle(Duration atMost);

  // When a key becomes ready that is not in work; now or earlier when one is; nullopt: none waits.
  std::optional<MonoTime> nextReady() const;
  std::size_t size() const;  // keys that are ready or wait for their time
  Unfinished unfinished() const;

 private:
  struct Entry {
    std::uint64_t sequence = 0;
    int priority = 0;
    MonoTime readyAt;
    bool counted = false;  // reported as ready
  };
  using ReadyOrder = std::tuple<int, std::uint64_t, api::ObjectKey>;      // -priority, sequence
  using WaitOrder = std::tuple<MonoTime, std::uint64_t, api::ObjectKey>;  // readyAt, sequence

  void enlist(const api::ObjectKey& key, Entry& entry, MonoTime now);
  void delist(const api::ObjectKey& key, const Entry& entry);
  void promote(MonoTime now);
  void countReady(Entry& entry);
  std::optional<Item> take(MonoTime now);
  void wakeOne();

  Clock& clock_;
  QueueMetrics* metrics_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::condition_variable idle_;
  RateLimiter limiter_;
  bool shutdown_ = false;
  std::uint64_t version_ = 0;  // moves whenever a worker should look again
  std::uint64_t nextSequence_ = 0;
  std::unordered_map<api::ObjectKey, Entry> entries_;        // added, not taken yet
  std::unordered_map<api::ObjectKey, MonoTime> processing_;  // in work since
  std::set<ReadyOrder> ready_;                               // of entries_, not in work
  std::set<WaitOrder> waiting_;                              // of entries_, not in work
};

}  // namespace vnic::queue
