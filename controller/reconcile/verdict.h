// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "api/condition.h"
#include "api/text.h"

namespace vnic::reconcile {

// What a condition is going to say.
struct Verdict {
  api::ConditionStatus status = api::ConditionStatus::True;
  std::string reason;   // CamelCase, never empty
  std::string message;  // for people; may quote hosts, so it is bounded when it is set
};

inline void setVerdict(api::Conditions& conditions, const char* type, const Verdict& verdict,
                       std::int64_t generation, WallTime now) {
  constexpr std::size_t kMaxMessage = 4096;
  api::setCondition(conditions,
                    {type, verdict.status, generation, "", verdict.reason,
                     api::bounded(verdict.message, kMaxMessage)},
                    now);
}

}  // namespace vnic::reconcile
