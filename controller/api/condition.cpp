// SPDX-License-Identifier: Apache-2.0
#include "api/condition.h"

#include <algorithm>
#include <utility>

#include "api/encode.h"
#include "support/time_format.h"

namespace vnic::api {
namespace {

auto sameType(std::string_view type) {
  return [type](const Condition& condition) { return condition.type == type; };
}

}  // namespace

const char* toString(ConditionStatus status) {
  switch (status) {
    case ConditionStatus::True:
      return "True";
    case ConditionStatus::False:
      return "False";
    case ConditionStatus::Unknown:
      return "Unknown";
  }
  return "Unknown";
}

const Condition* findCondition(const Conditions& conditions, std::string_view type) {
  const auto it = std::find_if(conditions.begin(), conditions.end(), sameType(type));
  return it == conditions.end() ? nullptr : &*it;
}

bool isTrue(const Conditions& conditions, std::string_view type) {
  const Condition* condition = findCondition(conditions, type);
  return condition != nullptr && condition->status == ConditionStatus::True;
}

void setCondition(Conditions& conditions, Condition condition, WallTime now) {
  const auto it = std::find_if(conditions.begin(), conditions.end(), sameType(condition.type));
  if (it == conditions.end()) {
    condition.lastTransitionTime = formatTime(now);
    conditions.push_back(std::move(condition));
    return;
  }
  condition.lastTransitionTime = it->status == condition.status && !it->lastTransitionTime.empty()
                                     ? it->lastTransitionTime
                                     : formatTime(now);
  *it = std::move(condition);
}

void removeCondition(Conditions& conditions, std::string_view type) {
  std::erase_if(conditions, sameType(type));
}

nlohmann::json toJson(const Conditions& conditions) {
  nlohmann::json list = nlohmann::json::array();
  for (const Condition& condition : conditions) {
    nlohmann::json json{{"type", condition.type},
                        {"status", toString(condition.status)},
                        {"observedGeneration", condition.observedGeneration},
                        {"reason", condition.reason},
                        {"message", condition.message}};
    put(json, "lastTransitionTime", condition.lastTransitionTime);
    list.push_back(std::move(json));
  }
  return list;
}

}  // namespace vnic::api
