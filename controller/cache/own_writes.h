// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "api/meta.h"

namespace vnic::cache {

// resourceVersions of one kind of object are positive integers of any length without leading zeros,
// and may be compared. "" is older than all others.
std::strong_ordering compareResourceVersions(std::string_view a, std::string_view b);

// What we wrote last, by key. A cache lags behind: a reconciler that decides on a cache older than
// its own last write would undo or repeat what it did. Thread-safe. One per kind that is written.
class OwnWrites {
 public:
  // After each successful write: the resourceVersion that the API server answered with.
  void record(const api::ObjectKey& key, std::string_view resourceVersion);

  // Has a cache that has seen everything up to `resourceVersion` (Informer::resourceVersion())
  // passed our last write to that key? True when we never wrote.
  bool seenBy(const api::ObjectKey& key, std::string_view resourceVersion);

 private:
  std::mutex mutex_;
  std::unordered_map<api::ObjectKey, std::string> written_;  // only those that are not seen yet
};

}  // namespace vnic::cache
