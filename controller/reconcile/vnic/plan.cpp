// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vnic/plan.h"

#include <fmt/format.h>

#include "api/names.h"

namespace vnic::reconcile::vnic {
namespace {

Plan stop(std::string reason, std::string message) {
  return {Step::None, std::move(reason), std::move(message), std::nullopt};
}

// A change to the VM, unless the last one failed and it is too early to try again.
Plan changeVm(Step step, const Observation& o, std::string reason, std::string message) {
  if (o.retry && o.retry->notBefore > o.now) {
    return {Step::None, o.retry->reason, o.retry->message, o.retry->notBefore - o.now};
  }
  return {step, std::move(reason), std::move(message), std::nullopt};
}

bool needsAdoption(const Observation& o) {
  if (!o.reservationOfVf) return true;
  const api::VfReservationSpec& spec = o.reservationOfVf->spec;
  return spec.purpose != api::purpose::kInUse || spec.migration || spec.vmUUID != o.vm.uuid() ||
         spec.device != adoptedPlan(o);
}

Plan planVf(const Observation& o) {
  if (o.live.vf != nullptr) {
    const auto& reservation = o.reservationOfVf;
    if (reservation && reservation->spec.holder.uid != o.vnic->metadata.uid) {
      return stop("VfReservedByOther",
                  fmt::format("The VM has VF {}, which is reserved for vnic {}",
                              o.live.vf->source.str(), reservation->spec.holder.key().str()));
    }
    if (reservation && reservation->metadata.deleting()) return {};  // goes with its finalizer
    if (needsAdoption(o)) return {Step::Adopt, "", "", std::nullopt};
    return {};
  }
  if (o.live.virtio != nullptr && !o.live.virtio->standby) {
    return stop("MacInUse",
                fmt::format("The VM has a virtio NIC with MAC {} that is no standby of a failover "
                            "pair",
                            o.mac));
  }
  return changeVm(Step::Plug, o, "VfMissing", "The VM runs without the VF; it is being attached");
}

Plan planVirtio(const Observation& o) {
  if (o.live.vf != nullptr) {
    return stop("NotVirtio", fmt::format("The NIC with MAC {} is a VF, but the profile is not "
                                         "passthrough",
                                         o.mac));
  }
  if (o.live.virtio != nullptr) return {};
  return changeVm(Step::Plug, o, "NicMissing", "The VM runs without the NIC; it is being attached");
}

Plan planDetached(const Observation& o) {
  if (o.live.any() && !o.vm.running()) {
    return stop("VmNotRunning", "The NIC is taken out once the VM runs");
  }
  if (!o.live.any() && !o.persistent.any()) return {};
  return changeVm(Step::Unplug, o, "NicPresent", "The VM still has the NIC; it is being detached");
}

Plan planAttached(const Observation& o) {
  if (!o.macOwner.empty()) {
    return stop(
        "MacAddressConflict",
        fmt::format("MAC {} belongs to the older vnic {} on the same network", o.mac, o.macOwner));
  }
  if (o.live.vf == nullptr && !o.vm.running()) {
    return stop("VmNotRunning", fmt::format("VM {} does not run", o.vnic->spec.vmName));
  }
  // Whoever has the VF already is adopted also when the profile could not be used for a new one.
  if (!o.profileProblem.empty() && !(o.wantsVf() && o.live.vf != nullptr)) {
    return stop(o.profile ? "ProfileNotAccepted" : "ProfileNotFound", o.profileProblem);
  }
  return o.wantsVf() ? planVf(o) : planVirtio(o);
}

}  // namespace

Plan plan(const Observation& o) {
  switch (o.vm.verdict) {
    case VmSearch::Verdict::NotFound:
      return stop("VmNotFound", o.vm.message);
    case VmSearch::Verdict::Ambiguous:
      return stop("VmAmbiguous", o.vm.message);
    case VmSearch::Verdict::Unknown:
      return stop("HostUnknown", o.vm.message);
    case VmSearch::Verdict::Found:
      break;
  }
  if (o.migration) {
    return stop("Migrating", fmt::format("vmmigration {} moves the VM; it takes care of the NIC",
                                         o.migration->metadata.key().str()));
  }
  if (o.live.ambiguous || o.persistent.ambiguous) {
    return stop("NicAmbiguous", fmt::format("The VM has several NICs with MAC {}", o.mac));
  }
  return o.wantsAttached() ? planAttached(o) : planDetached(o);
}

api::DevicePlan adoptedPlan(const Observation& o) {
  api::DevicePlan device = domain::planOf(*o.live.vf);
  if (o.reservationOfVf) device.originalVf = o.reservationOfVf->spec.device.originalVf;
  return device;
}

api::DevicePlan devicePlan(const Observation& o) {
  api::DevicePlan device;
  domain::ReservationPtr known;
  for (const auto& reservation : o.held) {
    if (reservation->spec.device.macAddress != o.mac) continue;
    // What was written where the VM is now is the latest.
    if (!known || reservation->spec.hostName == o.vm.host()) known = reservation;
  }
  if (known) {
    device = known->spec.device;
  } else if (o.persistent.vf != nullptr) {
    device = domain::planOf(*o.persistent.vf);
  } else {
    device.macAddress = o.mac;
    device.alias = "ua-" + o.vnic->metadata.uid;
    if (o.wantsStandby()) device.standbyAlias = device.alias + "-standby";
  }
  device.originalVf.clear();
  if (o.profile) device.vlan = o.profile->spec.vlan;
  if (o.wantsStandby() && o.live.virtio != nullptr && o.live.virtio->standby) {
    device.standbyAlias = o.live.virtio->alias;
  }
  return device;
}

}  // namespace vnic::reconcile::vnic
