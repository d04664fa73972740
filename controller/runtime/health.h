// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace vnic::runtime {

// Why a check fails; nullopt = it is fine.
using HealthCheck = std::function<std::optional<std::string>()>;

struct HealthResult {
  std::string name;
  std::optional<std::string> failure;
};

// Named checks behind /healthz and /readyz. A failing liveness check has the process restarted, so
// it must not look at anything that a restart cannot mend: neither the API server nor a hypervisor.
// Checks must be quick and thread-safe. Thread-safe.
class Health {
 public:
  enum class Kind { Liveness, Readiness };

  void add(Kind kind, std::string name, HealthCheck check);
  // All checks of that kind, in the order in which they were added.
  std::vector<HealthResult> run(Kind kind) const;

 private:
  struct Entry {
    Kind kind;
    std::string name;
    HealthCheck check;
  };
  mutable std::mutex mutex_;
  std::vector<Entry> entries_;
};

}  // namespace vnic::runtime
