// SPDX-License-Identifier: Apache-2.0
// Decides the next step of a migration. Pure: the same observation gives the same plan.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "reconcile/vm_migration/observation.h"
#include "reconcile/vm_migration/preflight.h"

namespace vnic::reconcile::vm_migration {

// --- Effects. Each is safe to repeat; who carries them out is effects.h. ---

struct ReserveSource {  // the NIC's VF on the source becomes Return
  std::size_t nic;
};
struct ReserveTarget {
  std::size_t nic;
  PciAddress vf;
};
// Another VF for a NIC whose own could not be attached where the VM runs now.
struct ReserveOther {
  std::size_t nic;
  bool onTarget;
  PciAddress vf;
};
// The reservation moves on: InUse with the migration forgotten, or Releasing.
struct Settle {
  std::shared_ptr<const api::VfReservation> reservation;
  std::string purpose;
};
struct Detach {
  std::size_t nic;
  PciAddress vf;
  std::string notPinned;  // why the standby's path is not pinned; "" = it is, or there is none
};
struct Attach {
  std::size_t nic;
  std::string host;
  PciAddress vf;
};
// The definition names the VFs that the guest has, or its next start would take somebody else's.
struct FollowVfs {
  bool onTarget;
};
struct SetAutostart {
  std::string host;
  bool on;
};
struct StartCopy {};
struct AbortCopy {};
struct ResumeSource {};
struct DestroyVoidCopy {};  // the second running copy, on the target; see whereabouts()

using Effect =
    std::variant<ReserveSource, ReserveTarget, ReserveOther, Settle, Detach, Attach, FollowVfs,
                 SetAutostart, StartCopy, AbortCopy, ResumeSource, DestroyVoidCopy>;

// --- Where the VM is, once a target is decided. ---

enum class Whereabouts {
  Copying,         // libvirt works on it
  OnSource,        // runs there, and nowhere else
  OnSourceForNow,  // runs there; the target, which does not answer or still tidies up, may yet
                   // bring a second copy to life, and that one will be void
  OnTarget,        // runs there, and nowhere else
  SourcePaused,    // left paused by a broken switch-over; the target has no such domain
  Twice,           // runs on both and no job is at work: libvirt's split brain
  Gone,            // runs nowhere, and both hosts have said so
  Undecided,       // a host that matters did not answer, or libvirt still tidies up
};

Whereabouts whereabouts(const Observation& observation);

// --- The plan. ---

enum class EndState { Succeeded, Degraded, Failed, Cancelled };

struct End {
  EndState state;
  std::string reason;
  std::string message;
};

struct Plan {
  std::string phase;   // Pending ... Attaching; of what goes on now
  std::string reason;  // why it waits, or what it does
  std::string message;

  // Written to status, guarded by resourceVersion, before the effects run.
  std::optional<api::VmMigrationStatus> decision;
  std::vector<Effect> effects;
  std::optional<End> end;
  std::optional<Duration> requeueAfter;

  std::optional<api::PreflightReport> preflight;
  std::optional<api::QueueStatus> queue;
};

Plan plan(const Observation& observation);

}  // namespace vnic::reconcile::vm_migration
