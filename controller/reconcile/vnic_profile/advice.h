// SPDX-License-Identifier: Apache-2.0
// What is legal in a VnicProfile and may surprise. Pure. The webhook sends it as warnings, the
// reconciler adds it to the message of the condition Accepted.
#pragma once

#include <vector>

#include "reconcile/vnic_profile/rules.h"

namespace vnic::reconcile::vnic_profile {

// What speaks against the profile as it is.
std::vector<Violation> advice(const api::VnicProfile& profile, const std::vector<ProfilePtr>& all);

// What a change does to those who use the profile, by themselves or by its being their failover.
std::vector<Violation> adviceOnChange(const api::VnicProfile& before, const api::VnicProfile& after,
                                      const Users& users);

}  // namespace vnic::reconcile::vnic_profile
