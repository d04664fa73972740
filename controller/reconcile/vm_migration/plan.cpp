// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vm_migration/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "reconcile/vm_migration/phases.h"
#include "reconcile/vm_migration/steps.h"

namespace vnic::reconcile::vm_migration {

Whereabouts whereabouts(const Observation& o) {
  const bool calling = o.outcome && o.outcome->running;
  const bool job = o.job && o.job->active;
  if (calling || job) return Whereabouts::Copying;
  if (o.target.running()) {
    // The target was read first: a source that runs after that is a second copy. While the source
    // cannot be asked, the target's answer is enough: it runs there, so that is where NICs go.
    return o.source.running() ? Whereabouts::Twice : Whereabouts::OnTarget;
  }
  if (o.source.unknown()) return Whereabouts::Undecided;
  if (!o.source.withoutProcess() && !o.job) return Whereabouts::Undecided;
  // Paused on the target without a job: libvirt has not finished tidying up, or a switch-over that
  // its daemon still has to complete. Either way only the target knows.
  if (o.target.unknown() || o.target.paused()) {
    return o.source.running() ? Whereabouts::OnSourceForNow : Whereabouts::Undecided;
  }
  if (o.source.paused() && o.source.domain.pausedReason == hypervisor::PausedReason::Migration) {
    return Whereabouts::SourcePaused;
  }
  // Paused for another reason: a person did that, and the VM is where it is.
  if (o.source.running() || o.source.paused()) return Whereabouts::OnSource;
  return Whereabouts::Gone;
}

Plan plan(const Observation& o) {
  const api::VmMigrationStatus& status = o.migration->status;
  if (!status.attempt || status.targetHost.empty()) return planPending(o);
  if (status.attempt->direction == kBack) return planBack(o);
  return planForward(o);
}

}  // namespace vnic::reconcile::vm_migration
