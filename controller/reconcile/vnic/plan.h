// SPDX-License-Identifier: Apache-2.0
// Decides the next step for a Vnic. Pure: the same observation gives the same plan.
#pragma once

#include <optional>
#include <string>

#include "reconcile/vnic/observation.h"

namespace vnic::reconcile::vnic {

enum class Step {
  None,    // nothing to do, or nothing that we may do; `reason` says which
  Adopt,   // the VF that the guest has needs its reservation written
  Plug,    // put in what is missing of the NIC
  Unplug,  // take out what is there of the NIC
};

struct Plan {
  Step step = Step::None;
  // Why the NIC is not as wanted, "" = it is. A condition's reason and message.
  std::string reason;
  std::string message;
  std::optional<Duration> requeueAfter;
};

Plan plan(const Observation& observation);

// The complete device that the reservation of the VF that the VM has needs to tell of.
api::DevicePlan adoptedPlan(const Observation& observation);

// The device to plug in: as a reservation keeps it, else as the VM's definition has it, else a new
// one with our aliases. Its standby alias is that of the standby in the guest, where there is one.
api::DevicePlan devicePlan(const Observation& observation);

}  // namespace vnic::reconcile::vnic
