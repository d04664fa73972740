// SPDX-License-Identifier: Apache-2.0
// The checks of the preflight. Each adds what it finds and knows of no other.
#pragma once

#include "reconcile/vm_migration/preflight.h"

namespace vnic::reconcile::vm_migration {

// Against moving this VM at all.
std::vector<Violation> checkVm(const Observation& observation, const Sighting& source);

// Against this host.
HostVerdict checkHost(const Observation& observation, const Sighting& source,
                      const Candidate& candidate);

}  // namespace vnic::reconcile::vm_migration
