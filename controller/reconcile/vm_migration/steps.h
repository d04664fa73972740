// SPDX-License-Identifier: Apache-2.0
// The three stretches of a migration, each a pure function of the observation.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "reconcile/vm_migration/plan.h"

namespace vnic::reconcile::vm_migration {

// No target yet: search, preflight, queue, decide.
Plan planPending(const Observation& observation);
// Reserve, detach, copy, attach on the target.
Plan planForward(const Observation& observation);
// VFs return to the source; then another attempt, or the end.
Plan planBack(const Observation& observation);

// --- Shared by the stretches. ---

constexpr Duration kRetryAttach = std::chrono::seconds(2);

bool cancelWanted(const api::VmMigration& migration);
// Since when the current phase lasts; now when status does not say.
WallTime phaseSince(const Observation& observation, const char* phase);
// Changes direction to Back and says why. Everything else of the decision stays.
Plan turnBack(const Observation& observation, const char* phase, std::string reason,
              std::string message);
// The NIC's VF is to leave the guest, and the node agent has not yet said whether the standby's
// path is pinned.
bool awaitsPin(const Nic& nic);
// Why the NIC's VF leaves the guest without the standby's path being pinned; "" = it is pinned, or
// there is no standby.
std::string whyNotPinned(const Observation& observation, const Nic& nic);
// Attaches what is missing on the side where the VM runs, with another VF where one was refused;
// empty = all there.
std::vector<Effect> attachMissing(const Observation& observation, bool onTarget);
std::string missingNics(const Observation& observation, bool onTarget);
// Definition, reservations and autostart as they have to be when the VM stays where it is; empty =
// settled.
std::vector<Effect> settle(const Observation& observation, bool onTarget);

}  // namespace vnic::reconcile::vm_migration
