// SPDX-License-Identifier: Apache-2.0
// Which VF a Vnic gets. Pure.
#pragma once

#include <optional>
#include <vector>

#include "domain/vf_inventory.h"
#include "reconcile/vnic/observation.h"

namespace vnic::reconcile::vnic {

// The VF that it has a reservation for, else the one that the VM's definition names, else one that
// is free, as matchVfs() chooses. VFs that were refused since the last success come last, so that
// one broken VF does not stop a NIC that another could serve. nullopt = none.
std::optional<PciAddress> chooseVf(const Observation& observation,
                                   const domain::VfInventory& inventory);

}  // namespace vnic::reconcile::vnic
