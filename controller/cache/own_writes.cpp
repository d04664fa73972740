// SPDX-License-Identifier: Apache-2.0
#include "cache/own_writes.h"

namespace vnic::cache {

std::strong_ordering compareResourceVersions(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return a.size() <=> b.size();
  return a.compare(b) <=> 0;
}

void OwnWrites::record(const api::ObjectKey& key, std::string_view resourceVersion) {
  const std::lock_guard lock(mutex_);
  std::string& last = written_[key];
  if (compareResourceVersions(resourceVersion, last) > 0) last = resourceVersion;
}

bool OwnWrites::seenBy(const api::ObjectKey& key, std::string_view resourceVersion) {
  const std::lock_guard lock(mutex_);
  const auto found = written_.find(key);
  if (found == written_.end()) return true;
  if (compareResourceVersions(resourceVersion, found->second) < 0) return false;
  written_.erase(found);
  return true;
}

}  // namespace vnic::cache
