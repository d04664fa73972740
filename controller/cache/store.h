// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "api/meta.h"

namespace vnic::cache {

// What happened to one object. before == nullptr: it is new; after == nullptr: it is gone.
template <class T>
struct Change {
  std::shared_ptr<const T> before;
  std::shared_ptr<const T> after;
  bool initial = false;  // it was there when we started, nobody changed it just now

  const T& object() const { return after ? *after : *before; }
  api::ObjectKey key() const { return object().metadata.key(); }
  // A replay of what is known: a resync.
  bool unchanged() const { return before && before == after; }
};

// What is known of all objects of one kind. Objects are immutable once they are in; readers get
// shared pointers, so that a snapshot stays whole while the store moves on. Thread-safe.
template <class T>
class Store {
 public:
  using Ptr = std::shared_ptr<const T>;
  // The values under which an object is to be found; none, one or several.
  using IndexFunction = std::function<std::vector<std::string>(const T&)>;

  // Before the first object comes in.
  void addIndex(std::string name, IndexFunction function) {
    const std::unique_lock lock(mutex_);
    if (!objects_.empty()) throw std::logic_error("Index " + name + " added to a store in use");
    indexes_[std::move(name)].function = std::move(function);
  }

  Ptr get(const api::ObjectKey& key) const {
    const std::shared_lock lock(mutex_);
    const auto found = objects_.find(key);
    return found == objects_.end() ? nullptr : found->second;
  }

  std::vector<Ptr> list() const {
    const std::shared_lock lock(mutex_);
    std::vector<Ptr> all;
    all.reserve(objects_.size());
    for (const auto& [key, object] : objects_) all.push_back(object);
    return all;
  }

  // The objects with that value in that index, ordered by key. An index that nobody added is a
  // programming error.
  std::vector<Ptr> byIndex(const std::string& index, const std::string& value) const {
    const std::shared_lock lock(mutex_);
    const auto& entries = indexes_.at(index).entries;
    std::vector<Ptr> matching;
    if (const auto found = entries.find(value); found != entries.end()) {
      matching.reserve(found->second.size());
      for (const auto& [key, object] : found->second) matching.push_back(object);
    }
    return matching;
  }

  std::size_t size() const {
    const std::shared_lock lock(mutex_);
    return objects_.size();
  }

  // Adds or replaces; returns what was there before.
  Ptr put(Ptr object) {
    const std::unique_lock lock(mutex_);
    return putLocked(std::move(object));
  }

  // Returns what was there.
  Ptr erase(const api::ObjectKey& key) {
    const std::unique_lock lock(mutex_);
    return eraseLocked(key);
  }

  // Makes `objects` the whole content, in one step for readers. Returns what differs, deletions of
  // vanished objects included; an object with the same uid and resourceVersion does not differ.
  std::vector<Change<T>> replace(std::vector<Ptr> objects) {
    const std::unique_lock lock(mutex_);
    std::vector<Change<T>> changes;
    std::unordered_map<api::ObjectKey, Ptr> vanished = objects_;
    for (auto& object : objects) {
      vanished.erase(object->metadata.key());
      if (Ptr before = currentLocked(object->metadata.key()); !before || differ(*before, *object)) {
        putLocked(object);
        changes.push_back({std::move(before), std::move(object)});
      }
    }
    for (auto& [key, object] : vanished) {
      eraseLocked(key);
      changes.push_back({std::move(object), nullptr});
    }
    return changes;
  }

 private:
  struct Index {
    IndexFunction function;
    std::unordered_map<std::string, std::map<api::ObjectKey, Ptr>> entries;
  };

  static bool differ(const T& a, const T& b) {
    return a.metadata.uid != b.metadata.uid ||
           a.metadata.resourceVersion != b.metadata.resourceVersion;
  }

  Ptr currentLocked(const api::ObjectKey& key) const {
    const auto found = objects_.find(key);
    return found == objects_.end() ? nullptr : found->second;
  }

  Ptr putLocked(Ptr object) {
    const api::ObjectKey key = object->metadata.key();
    Ptr& slot = objects_[key];
    Ptr before = std::exchange(slot, object);
    if (before) unindex(key, *before);
    for (auto& [name, index] : indexes_) {
      for (const std::string& value : index.function(*object)) index.entries[value][key] = object;
    }
    return before;
  }

  Ptr eraseLocked(const api::ObjectKey& key) {
    const auto found = objects_.find(key);
    if (found == objects_.end()) return nullptr;
    Ptr before = std::move(found->second);
    objects_.erase(found);
    unindex(key, *before);
    return before;
  }

  void unindex(const api::ObjectKey& key, const T& object) {
    for (auto& [name, index] : indexes_) {
      for (const std::string& value : index.function(object)) {
        const auto found = index.entries.find(value);
        if (found == index.entries.end()) continue;
        found->second.erase(key);
        if (found->second.empty()) index.entries.erase(found);
      }
    }
  }

  mutable std::shared_mutex mutex_;
  std::unordered_map<api::ObjectKey, Ptr> objects_;
  std::map<std::string, Index> indexes_;
};

}  // namespace vnic::cache
