// SPDX-License-Identifier: Apache-2.0
// The checks of the preflight. Each adds what it finds and knows of no other.
#pragma once

#include "reconcile/vm_migration/preflight.h"

namespace vnic::reconcile::vm_migration {

// Against moving this VM at all.
VmVerdict checkVm(const Observation& observation, const Sighting& source);
// The same, by what the VM's host answered about it.
void checkVmAnswers(const Observation& observation, VmVerdict& verdict);

// Against this host.
HostVerdict checkHost(const Observation& observation, const Sighting& source,
                      const Candidate& candidate);
// The same, by what both hosts answered.
void checkHostAnswers(const Observation& observation, HostVerdict& verdict);

}  // namespace vnic::reconcile::vm_migration
