// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "support/clock.h"

namespace vnic::api {

enum class ConditionStatus { True, False, Unknown };
const char* toString(ConditionStatus status);

// metav1.Condition.
struct Condition {
  std::string type;
  ConditionStatus status = ConditionStatus::Unknown;
  std::int64_t observedGeneration = 0;
  std::string lastTransitionTime;  // RFC 3339; moves only when `status` does
  std::string reason;              // CamelCase, from names.h
  std::string message;

  bool operator==(const Condition&) const = default;
};

using Conditions = std::vector<Condition>;

const Condition* findCondition(const Conditions& conditions, std::string_view type);
bool isTrue(const Conditions& conditions, std::string_view type);
// Adds or replaces by type. lastTransitionTime is kept from the old entry unless the status
// differs.
void setCondition(Conditions& conditions, Condition condition, WallTime now);
void removeCondition(Conditions& conditions, std::string_view type);

nlohmann::json toJson(const Conditions& conditions);  // a list, as in status.conditions

}  // namespace vnic::api
