// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <simdjson.h>

#include <string>

#include "api/condition.h"
#include "api/meta.h"
#include "support/error.h"

namespace vnic::api {

// What of a cluster's Node concerns a VM host.
struct Node {
  static constexpr ResourceType resource{"", "v1", "nodes", "Node", false};
  ObjectMeta metadata;
  bool cordoned = false;                             // spec.unschedulable
  ConditionStatus ready = ConditionStatus::Unknown;  // status.conditions[Ready]
  std::string internalIP;                            // the first, "" = none

  static Result<Node> decode(simdjson::dom::element object);
};

}  // namespace vnic::api
