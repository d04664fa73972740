// SPDX-License-Identifier: Apache-2.0
#include "api/condition.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace vnic::api {
namespace {

const WallTime kStart = WallTime(std::chrono::seconds(1'000'000'000));
const WallTime kLater = kStart + std::chrono::hours(1);

Condition ready(ConditionStatus status, std::string reason) {
  return {"Ready", status, 1, "", std::move(reason), "text"};
}

TEST(SetCondition, KeepsTheTransitionTimeWhileTheStatusStays) {
  Conditions conditions;
  setCondition(conditions, ready(ConditionStatus::False, "First"), kStart);
  setCondition(conditions, ready(ConditionStatus::False, "Second"), kLater);
  ASSERT_EQ(conditions.size(), 1u);
  EXPECT_EQ(conditions[0].lastTransitionTime, "2001-09-09T01:46:40Z");
  EXPECT_EQ(conditions[0].reason, "Second");
}

TEST(SetCondition, MovesTheTransitionTimeWithTheStatus) {
  Conditions conditions;
  setCondition(conditions, ready(ConditionStatus::Unknown, "First"), kStart);
  setCondition(conditions, ready(ConditionStatus::True, "Second"), kLater);
  ASSERT_EQ(conditions.size(), 1u);
  EXPECT_EQ(conditions[0].lastTransitionTime, "2001-09-09T02:46:40Z");
}

TEST(Conditions, AreFoundAndRemovedByType) {
  Conditions conditions;
  setCondition(conditions, ready(ConditionStatus::True, "Fine"), kStart);
  setCondition(conditions, {"Stalled", ConditionStatus::True, 1, "", "Stuck", ""}, kStart);
  EXPECT_TRUE(isTrue(conditions, "Ready"));
  EXPECT_FALSE(isTrue(conditions, "Accepted"));
  removeCondition(conditions, "Stalled");
  EXPECT_EQ(findCondition(conditions, "Stalled"), nullptr);
  ASSERT_NE(findCondition(conditions, "Ready"), nullptr);
}

TEST(Conditions, AreWrittenAsMetav1Conditions) {
  Conditions conditions;
  setCondition(conditions, ready(ConditionStatus::False, "Why"), kStart);
  EXPECT_EQ(toJson(conditions), nlohmann::json::parse(R"([{
    "type": "Ready", "status": "False", "observedGeneration": 1, "reason": "Why",
    "message": "text", "lastTransitionTime": "2001-09-09T01:46:40Z"}])"));
}

}  // namespace
}  // namespace vnic::api
