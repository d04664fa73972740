// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "cache/reflector.h"
#include "cache/store.h"
#include "kube/client.h"
#include "support/clock.h"
#include "support/log.h"

namespace vnic::cache {

// What starts, stops and has to be waited for, whatever its kind is.
class InformerBase {
 public:
  virtual ~InformerBase() = default;
  virtual std::string_view kind() const = 0;
  virtual void start() = 0;
  virtual void stop() = 0;  // waits for the thread
  virtual bool hasSynced() const = 0;
  // Instead of start(), for worlds with one thread: one request to its end, on the calling thread,
  // and when the next one is due.
  virtual Follow poll() = 0;
  // True when everything that was there at the start is in the store and was told to the handlers.
  virtual bool waitForSync(Duration timeout, std::stop_token stop) = 0;
  virtual std::string resourceVersion() const = 0;
};

// A store that a thread of its own keeps up with the API server, and that tells of every change.
//
// Handlers run one after the other on that thread, after the store has the change; they decide
// which keys to add to which queue (runtime/enqueue.h) and must not block. Add indexes and handlers
// before start().
template <kube::ApiObject T>
class Informer final : public InformerBase, private ReflectorSink<T> {
 public:
  using Ptr = std::shared_ptr<const T>;
  using Handler = std::function<void(const Change<T>&)>;

  Informer(ReflectorOptions options, kube::Client& client, Clock& clock, const Logger& log)
      : reflector_(std::move(options), client, clock, *this, log) {}
  ~Informer() override { stop(); }
  Informer(const Informer&) = delete;
  Informer& operator=(const Informer&) = delete;

  Store<T>& store() { return store_; }
  const Store<T>& store() const { return store_; }

  void onChange(Handler handler) {
    if (thread_.joinable()) throw std::logic_error("Handler added to an informer that runs");
    handlers_.push_back(std::move(handler));
  }

  std::string_view kind() const override { return T::resource.kind; }

  void start() override {
    thread_ = std::jthread([this](std::stop_token stop) { reflector_.run(std::move(stop)); });
  }

  Follow poll() override { return reflector_.once({}); }

  void stop() override {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
  }

  bool hasSynced() const override {
    const std::lock_guard lock(mutex_);
    return synced_;
  }

  bool waitForSync(Duration timeout, std::stop_token stop) override {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::move(stop), timeout, [this] { return synced_; });
  }

  // The store has everything up to here (OwnWrites::seenBy); "" before the first list.
  std::string resourceVersion() const override {
    const std::lock_guard lock(mutex_);
    return resourceVersion_;
  }

  // Tells the handlers of every object again, as unchanged. From any thread; the handlers then run
  // on the caller's.
  void replay() const {
    for (const Ptr& object : store_.list()) notify({object, object});
  }

 private:
  void replaced(std::vector<Ptr> objects, const std::vector<api::ObjectKey>& unreadable,
                const std::string& resourceVersion) override {
    // What is known of an object that became unreadable stays: it has not gone.
    for (const api::ObjectKey& key : unreadable) {
      if (Ptr known = store_.get(key)) objects.push_back(std::move(known));
    }
    std::vector<Change<T>> changes = store_.replace(std::move(objects));
    seen(resourceVersion);
    const bool initial = !hasSynced();
    for (Change<T>& change : changes) {
      change.initial = initial;
      notify(change);
    }
    if (!initial) return;
    const std::lock_guard lock(mutex_);
    synced_ = true;
    changed_.notify_all();
  }

  void put(Ptr object, const std::string& resourceVersion) override {
    Ptr before = store_.put(object);
    seen(resourceVersion);
    notify({std::move(before), std::move(object)});
  }

  void erased(const api::ObjectKey& key, const std::string& resourceVersion) override {
    Ptr before = store_.erase(key);
    seen(resourceVersion);
    if (before) notify({std::move(before), nullptr});
  }

  void bookmark(const std::string& resourceVersion) override { seen(resourceVersion); }

  void seen(const std::string& resourceVersion) {
    const std::lock_guard lock(mutex_);
    resourceVersion_ = resourceVersion;
  }

  void notify(const Change<T>& change) const {
    for (const Handler& handler : handlers_) handler(change);
  }

  Store<T> store_;
  std::vector<Handler> handlers_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  bool synced_ = false;
  std::string resourceVersion_;
  Reflector<T> reflector_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace vnic::cache
