// SPDX-License-Identifier: Apache-2.0
// What a VmMigration says of itself: a pure function of observation and plan.
#pragma once

#include <string>

#include "api/vm_migration.h"
#include "reconcile/vm_migration/plan.h"

namespace vnic::reconcile::vm_migration {

// Phase, conditions, NICs, progress and timestamps, on top of the plan's decision (or of what the
// status said before). Timestamps of things that did not change stay.
api::VmMigrationStatus buildStatus(const Observation& observation, const Plan& plan);

// A step for one NIC failed; its message says so until the NIC is attached again.
void noteFailure(api::NicMigrationStatus& nic, const std::string& message);

const char* phaseOf(EndState state);

// The conditions of a migration that has ended (design: the table of ends).
void setEndConditions(api::VmMigrationStatus& status, const End& end, std::int64_t generation,
                      WallTime now);

}  // namespace vnic::reconcile::vm_migration
