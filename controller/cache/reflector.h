// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "cache/reflector_state.h"
#include "kube/client.h"
#include "kube/typed.h"
#include "kube/watch_decoder.h"
#include "support/backoff.h"
#include "support/clock.h"
#include "support/log.h"

namespace vnic::cache {

// Which objects to follow, and how.
struct ReflectorOptions {
  std::string ns;  // "" = all namespaces
  std::string labelSelector;
  std::string fieldSelector;
  bool streamInitialList = false;  // WatchList; falls back to a list when the server refuses
  std::uint64_t seed = 0;          // spreads back-off and reconnects
};

// Where a reflector puts what it reads. Called on the reflector's thread only. `resourceVersion`:
// from now on everything up to there has been delivered.
template <class T>
class ReflectorSink {
 public:
  using Ptr = std::shared_ptr<const T>;
  virtual ~ReflectorSink() = default;
  // `unreadable`: are there as well, but T does not understand them.
  virtual void replaced(std::vector<Ptr> objects, const std::vector<api::ObjectKey>& unreadable,
                        const std::string& resourceVersion) = 0;
  virtual void put(Ptr object, const std::string& resourceVersion) = 0;
  virtual void erased(const api::ObjectKey& key, const std::string& resourceVersion) = 0;
  virtual void bookmark(const std::string& resourceVersion) = 0;
};

// Follows all objects of one kind: lists, watches, and begins again where that is needed. What to
// do when is cache/reflector_state.h; this carries it out.
template <kube::ApiObject T>
class Reflector {
 public:
  Reflector(ReflectorOptions options, kube::Client& client, Clock& clock, ReflectorSink<T>& sink,
            const Logger& log)
      : options_(std::move(options)),
        client_(client),
        clock_(clock),
        sink_(sink),
        log_(log.with({{"kind", std::string(T::resource.kind)}})),
        backoff_({}, options_.seed),
        random_(options_.seed),
        state_(initialState(options_.streamInitialList)) {}

  // Until stopped.
  void run(std::stop_token stop) {
    while (!stop.stop_requested()) {
      if (once(stop) == Follow::AfterBackoff) backOff(stop);
    }
  }

  // One request, to its end, and when the next one is due.
  Follow once(std::stop_token stop) {
    return std::visit([&](const auto& request) { return send(request, stop); },
                      decltype(state_.request)(state_.request));
  }

 private:
  using Ptr = std::shared_ptr<const T>;

  Follow send(const Listing& listing, std::stop_token) {
    kube::ListOptions request;
    request.ns = options_.ns;
    request.labelSelector = options_.labelSelector;
    request.fieldSelector = options_.fieldSelector;
    request.limit = listing.pageSize;
    request.continueToken = listing.continueToken;
    // A continue token brings its own resourceVersion; the server refuses both together.
    if (listing.continueToken.empty()) request.resourceVersion = listing.resourceVersion;
    Result<kube::Page<T>> page = kube::listPage<T>(client_, request);
    if (!page) {
      if (page.error().kind != ErrorKind::Cancelled) {
        log_.warn("List failed", {{"error", page.error().message}});
      }
      return advance(ListFailed{page.error()}).follow;
    }
    for (const kube::Undecodable& item : page->undecodable) reportUndecodable(item.error);
    Transition next = advance(PageRead{page->continueToken, page->resourceVersion});
    if (next.action == StoreAction::Buffer || next.action == StoreAction::BufferAndCommit) {
      for (T& object : page->items) buffer(std::make_shared<const T>(std::move(object)));
      for (const kube::Undecodable& item : page->undecodable) buffer_[item.key] = nullptr;
    }
    if (next.action == StoreAction::BufferAndCommit) commit();
    return next.follow;
  }

  Follow send(const Streaming& streaming, std::stop_token stop) {
    return watch(streaming.resourceVersion, true, stop);
  }

  Follow send(const Watching&, std::stop_token stop) {
    return watch(state_.resourceVersion, false, stop);
  }

  Follow watch(const std::string& resourceVersion, bool sendInitialEvents, std::stop_token stop) {
    kube::WatchOptions request;
    request.ns = options_.ns;
    request.labelSelector = options_.labelSelector;
    request.fieldSelector = options_.fieldSelector;
    request.resourceVersion = resourceVersion;
    request.sendInitialEvents = sendInitialEvents;
    // Between five and ten minutes, so that the watches of many clients do not end together.
    request.timeoutSeconds = std::uniform_int_distribution<>(300, 600)(random_);

    std::stop_source ours;
    const std::stop_callback link(stop, [&ours] { ours.request_stop(); });
    const MonoTime begun = clock_.now();
    const std::string begunAt = state_.resourceVersion;
    Follow follow = Follow::Stay;
    const Status result = client_.watch(
        T::resource, request,
        [&](std::string_view line) {
          if (follow != Follow::Stay) return;  // lines that were on their way when we gave up
          follow = onLine(line);
          if (follow != Follow::Stay) ours.request_stop();
        },
        ours.get_token());
    if (follow != Follow::Stay || stop.stop_requested()) return follow;
    if (!result && result.error().kind != ErrorKind::Cancelled)
      log_.info("Watch ended", {{"reason", result.error().message}});
    const bool progressed = state_.resourceVersion != begunAt;
    return advance(WatchEnded{result, clock_.now() - begun, progressed}).follow;
  }

  Follow onLine(std::string_view line) {
    const Result<kube::WatchEvent> event = decoder_.decode(line);
    if (!event) {
      log_.error("Skipped a line of the watch", {{"error", event.error().message}});
      return Follow::Stay;
    }
    EventRead input;
    input.type = event->type;
    input.resourceVersion = kube::resourceVersionOf(event->object);
    if (event->type == kube::WatchEventType::Bookmark) {
      input.endsInitialEvents = kube::endsInitialEvents(event->object);
    } else if (event->type == kube::WatchEventType::Error) {
      input.error = kube::statusError(event->object);
      log_.info("Watch was ended by the server", {{"reason", input.error->message}});
    }
    const Transition next = advance(input);
    if (next.action == StoreAction::Buffer) bufferEvent(*event);
    if (next.action == StoreAction::Apply) apply(*event);
    if (next.action == StoreAction::Commit) commit();
    return next.follow;
  }

  // Takes the step. Discards are carried out at once; the rest is up to the caller, who has the
  // objects.
  Transition advance(const ReflectorInput& input) {
    Transition next = step(std::move(state_), input);
    state_ = next.state;
    backoffAtLeast_ = next.atLeast;
    if (next.action == StoreAction::Discard) buffer_.clear();
    return next;
  }

  void buffer(Ptr object) {
    api::ObjectKey key = object->metadata.key();
    buffer_[std::move(key)] = std::move(object);
  }

  void bufferEvent(const kube::WatchEvent& event) {
    if (event.type == kube::WatchEventType::Deleted) {
      buffer_.erase(kube::keyOf(event.object));
    } else {
      buffer_[kube::keyOf(event.object)] = decode(event.object);
    }
  }

  void apply(const kube::WatchEvent& event) {
    const std::string& version = state_.resourceVersion;
    if (event.type == kube::WatchEventType::Deleted) {
      sink_.erased(kube::keyOf(event.object), version);
      return;
    }
    // An object that cannot be read only moves the version on, as a bookmark does.
    Ptr object = event.type == kube::WatchEventType::Bookmark ? nullptr : decode(event.object);
    if (object) {
      sink_.put(std::move(object), version);
    } else {
      sink_.bookmark(version);
    }
  }

  void commit() {
    std::vector<Ptr> objects;
    std::vector<api::ObjectKey> unreadable;
    objects.reserve(buffer_.size());
    for (auto& [key, object] : buffer_) {
      if (object) {
        objects.push_back(std::move(object));
      } else {
        unreadable.push_back(key);
      }
    }
    buffer_.clear();
    log_.debug("Listed", {{"objects", std::to_string(objects.size())},
                          {"resourceVersion", state_.resourceVersion}});
    sink_.replaced(std::move(objects), unreadable, state_.resourceVersion);
  }

  // nullptr when T does not understand the object; what is known of it stays as it is.
  Ptr decode(simdjson::dom::element element) {
    Result<T> object = T::decode(element);
    if (object) return std::make_shared<const T>(std::move(*object));
    reportUndecodable(object.error());
    return nullptr;
  }

  void reportUndecodable(const Error& error) {
    log_.error("Skipped an object that cannot be read", {{"error", error.message}});
  }

  void backOff(std::stop_token stop) {
    if (clock_.now() - lastBackoff_ > std::chrono::minutes(2)) backoff_.reset();
    clock_.sleepFor(std::max(backoff_.next(), backoffAtLeast_), stop);
    lastBackoff_ = clock_.now();
  }

  ReflectorOptions options_;
  kube::Client& client_;
  Clock& clock_;
  ReflectorSink<T>& sink_;
  Logger log_;
  Backoff backoff_;
  MonoTime lastBackoff_{};
  Duration backoffAtLeast_{};
  std::mt19937_64 random_;
  kube::WatchDecoder decoder_;
  ReflectorState state_;
  std::unordered_map<api::ObjectKey, Ptr> buffer_;  // nullptr: there, but unreadable
};

}  // namespace vnic::cache
