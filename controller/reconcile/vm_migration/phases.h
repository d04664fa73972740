// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace vnic::reconcile::vm_migration {

// status.phase: for people and printer columns; derived, never decided upon.
inline constexpr char kPending[] = "Pending";
inline constexpr char kReserving[] = "Reserving";
inline constexpr char kDetaching[] = "Detaching";
inline constexpr char kMigrating[] = "Migrating";
inline constexpr char kAttaching[] = "Attaching";
inline constexpr char kSucceeded[] = "Succeeded";
inline constexpr char kDegraded[] = "Degraded";
inline constexpr char kFailed[] = "Failed";
inline constexpr char kCancelled[] = "Cancelled";

// status.attempt.direction.
inline constexpr char kForward[] = "Forward";
inline constexpr char kBack[] = "Back";

}  // namespace vnic::reconcile::vm_migration
