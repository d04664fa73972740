// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vnic/vm_claim.h"

namespace vnic::reconcile::vnic {

Result<std::unique_ptr<VmClaim>> VmClaim::take(kube::Client& client, runtime::ClaimLeases& claims,
                                               const api::Vnic& vnic, const std::string& vmUuid,
                                               const Logger& log) {
  const api::ObjectMeta& meta = vnic.metadata;
  const auto holder = takeVm(client, claims, meta.ns, meta.uid, vmUuid);
  if (!holder) return fail(holder.error());
  if (*holder != meta.uid) {
    return fail(
        Error{ErrorKind::Conflict, "the VM is being worked on by the object with uid " + *holder});
  }
  return std::unique_ptr<VmClaim>(new VmClaim(claims, claimName(vmUuid), meta.uid, log));
}

VmClaim::~VmClaim() {
  if (const auto released = claims_.release(name_, holder_); !released) {
    // Nothing is lost: the next pass of the holder, in this process or the next, gives it back.
    log_.warn("Could not release a VM", {{"lease", name_}, {"error", released.error().message}});
  }
}

}  // namespace vnic::reconcile::vnic
