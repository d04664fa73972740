// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "api/vnic.h"
#include "reconcile/vnic/plan.h"

namespace vnic::reconcile::vnic {

// What a Vnic says of itself: a pure function of observation and plan. Starts from the status that
// it has: of a VM whose host does not answer everything stays as it was seen last.
api::VnicStatus buildStatus(const Observation& observation, const Plan& plan);

}  // namespace vnic::reconcile::vnic
