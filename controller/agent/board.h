// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/condition.h"
#include "api/vm_host.h"

namespace vnic::agent {

// One condition of a reservation, without its times.
struct Verdict {
  std::string type;
  api::ConditionStatus status = api::ConditionStatus::Unknown;
  std::string reason;
  std::string message;

  bool operator==(const Verdict&) const = default;
};

// All conditions of one reservation.
struct Report {
  std::int64_t generation = 0;  // of the spec that they are about
  std::vector<Verdict> verdicts{};

  bool operator==(const Report&) const = default;
};

// What the agent found and did, for those who report it to the API server: the agent itself never
// waits for that. Thread-safe.
class Board {
 public:
  using Reports = std::map<std::string, Report>;  // by name of the reservation

  // Called, on the publishing thread, with each reservation whose report changed, and when the
  // facts did. To be set before the first publish().
  void onReport(std::function<void(const std::string&)> handler) {
    reportChanged_ = std::move(handler);
  }
  void onFacts(std::function<void()> handler) { factsChanged_ = std::move(handler); }

  void publish(Reports reports);
  void publish(api::AgentFacts facts);

  std::optional<Report> reportOn(const std::string& reservation) const;
  std::optional<api::AgentFacts> facts() const;

 private:
  std::function<void(const std::string&)> reportChanged_;
  std::function<void()> factsChanged_;
  mutable std::mutex mutex_;
  Reports reports_;
  std::optional<api::AgentFacts> facts_;
};

}  // namespace vnic::agent
