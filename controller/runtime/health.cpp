// SPDX-License-Identifier: Apache-2.0
#include "runtime/health.h"

#include <utility>

namespace vnic::runtime {

void Health::add(Kind kind, std::string name, HealthCheck check) {
  const std::lock_guard lock(mutex_);
  entries_.push_back({kind, std::move(name), std::move(check)});
}

std::vector<HealthResult> Health::run(Kind kind) const {
  // The checks run without the lock: one that hangs must not keep others from being asked.
  std::vector<Entry> entries;
  {
    const std::lock_guard lock(mutex_);
    entries = entries_;
  }
  std::vector<HealthResult> results;
  for (const Entry& entry : entries) {
    if (entry.kind == kind) results.push_back({entry.name, entry.check()});
  }
  return results;
}

}  // namespace vnic::runtime
