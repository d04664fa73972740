// SPDX-License-Identifier: Apache-2.0
// Profiles, and what rules say of them, in short.
#pragma once

#include <string>
#include <vector>

#include "reconcile/vnic_profile/rules.h"

namespace vnic::test {

inline api::VnicProfile profile(const std::string& name, bool passthrough = false,
                                const std::string& failover = "") {
  api::VnicProfile result;
  result.metadata.name = name;
  result.spec.network = "blue";
  result.spec.passthrough = passthrough;
  result.spec.failover = failover;
  return result;
}

using Reasons = std::vector<std::string>;

inline Reasons reasons(const std::vector<reconcile::vnic_profile::Violation>& violations) {
  Reasons result;
  for (const auto& violation : violations) result.push_back(violation.reason);
  return result;
}

}  // namespace vnic::test
