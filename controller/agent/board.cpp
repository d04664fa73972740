// SPDX-License-Identifier: Apache-2.0
#include "agent/board.h"

#include <utility>

namespace vnic::agent {

void Board::publish(Reports reports) {
  std::vector<std::string> changed;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, report] : reports) {
      const auto before = reports_.find(name);
      if (before == reports_.end() || !(before->second == report)) changed.push_back(name);
    }
    reports_ = std::move(reports);
  }
  if (!reportChanged_) return;
  for (const std::string& name : changed) reportChanged_(name);
}

void Board::publish(api::AgentFacts facts) {
  {
    const std::lock_guard lock(mutex_);
    if (facts_ == facts) return;
    facts_ = std::move(facts);
  }
  if (factsChanged_) factsChanged_();
}

std::optional<Report> Board::reportOn(const std::string& reservation) const {
  const std::lock_guard lock(mutex_);
  const auto found = reports_.find(reservation);
  return found == reports_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<api::AgentFacts> Board::facts() const {
  const std::lock_guard lock(mutex_);
  return facts_;
}

}  // namespace vnic::agent
