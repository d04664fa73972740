// SPDX-License-Identifier: Apache-2.0
// What makes a VnicProfile wrong. Pure. The CRD's own rules say some of it earlier; all of it is
// checked here as well, because admission may be off and other profiles change.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/vnic_profile.h"

namespace vnic::reconcile::vnic_profile {

using ProfilePtr = std::shared_ptr<const api::VnicProfile>;

struct Violation {
  std::string reason;   // CamelCase
  std::string message;  // one sentence that names the fields and objects
  bool operator==(const Violation&) const = default;
};

// All of them, in a fixed order. `all` holds every profile, this one may be among them.
std::vector<Violation> violations(const api::VnicProfile& profile,
                                  const std::vector<ProfilePtr>& all);

// The profiles that name this one as their failover, in the order of their names.
std::vector<std::string> failoverFor(const std::string& profile,
                                     const std::vector<ProfilePtr>& all);

}  // namespace vnic::reconcile::vnic_profile
