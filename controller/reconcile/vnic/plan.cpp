// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vnic/plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

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

// What speaks against touching the VM now.
std::optional<Plan> notNow(const Observation& o) {
  if (!o.vm.running() && !o.vm.shutOff()) {
    return stop("VmNotRunning",
                fmt::format("VM {} neither runs nor is shut off; its NICs are changed when it is",
                            o.vnic->spec.vmName));
  }
  if (o.vm.shutOff() && !o.vm.unknownHosts.empty()) {
    return stop("HostUnknown",
                fmt::format("VM {} is shut off on {}, but may run where nobody answers: {}",
                            o.vnic->spec.vmName, o.vm.host(), fmt::join(o.vm.unknownHosts, ", ")));
  }
  return std::nullopt;
}

Plan plugMissing(const Observation& o, std::string reason, std::string message) {
  if (auto wait = notNow(o)) return *wait;
  return changeVm(Step::Plug, o, std::move(reason), std::move(message));
}

bool needsAdoption(const Observation& o) {
  if (!o.reservationOfVf) return true;
  const api::VfReservationSpec& spec = o.reservationOfVf->spec;
  return spec.purpose != api::purpose::kInUse || spec.migration || spec.vmUUID != o.vm.uuid() ||
         spec.device != adoptedPlan(o);
}

// The running VM, other than this one, that has the VF; "" = none. Definitions may share one.
std::string otherUserOf(const PciAddress& vf, const Observation& o) {
  for (const auto& domain : o.vm.facts->domains) {
    if (!domain.live || domain.summary.uuid == o.vm.uuid()) continue;
    for (const auto& hostdev : domain.live->hostdevs) {
      if (hostdev.source == vf) return domain.summary.name;
    }
  }
  return {};
}

// What we plugged in ourselves has to outlast the VM's next start. A NIC that came otherwise is
// left as it is, and the difference is named in InSync.
bool definitionLacksIt(const Observation& o) {
  if (o.vm.shutOff() || !o.vm.domain->persistent) return false;
  const std::string ours = "ua-" + o.vnic->metadata.uid;
  const auto lacks = [&](const auto* live, const auto* defined) {
    return live != nullptr && defined == nullptr && live->alias.starts_with(ours);
  };
  return lacks(o.live.vf, o.persistent.vf) || lacks(o.live.virtio, o.persistent.virtio);
}

Plan planVf(const Observation& o) {
  const NicParts& nic = o.nic();
  if (nic.vf != nullptr) {
    const auto& reservation = o.reservationOfVf;
    if (reservation && reservation->spec.holder.uid != o.vnic->metadata.uid) {
      return stop("VfReservedByOther",
                  fmt::format("The VM has VF {}, which is reserved for vnic {}",
                              nic.vf->source.str(), reservation->spec.holder.key().str()));
    }
    if (const std::string other = otherUserOf(nic.vf->source, o); !other.empty()) {
      return stop("VfInUseByOther", fmt::format("The definition names VF {}, which VM {} has",
                                                nic.vf->source.str(), other));
    }
    if (reservation && reservation->metadata.deleting()) return {};  // goes with its finalizer
    if (needsAdoption(o)) return {Step::Adopt, "", "", std::nullopt};
    if (definitionLacksIt(o)) {
      return plugMissing(o, "DefinitionIncomplete",
                         "The NIC is being added to the VM's definition");
    }
    return {};
  }
  if (nic.virtio != nullptr && !nic.virtio->standby) {
    return stop("MacInUse",
                fmt::format("The VM has a virtio NIC with MAC {} that is no standby of a failover "
                            "pair",
                            o.mac));
  }
  return plugMissing(o, "VfMissing", "The VM is without the VF; it is being attached");
}

Plan planVirtio(const Observation& o) {
  if (o.nic().vf != nullptr) {
    return stop("NotVirtio", fmt::format("The NIC with MAC {} is a VF, but the profile is not "
                                         "passthrough",
                                         o.mac));
  }
  if (o.nic().virtio == nullptr) {
    return plugMissing(o, "NicMissing", "The VM is without the NIC; it is being attached");
  }
  if (definitionLacksIt(o)) {
    return plugMissing(o, "DefinitionIncomplete", "The NIC is being added to the VM's definition");
  }
  return {};
}

Plan planDetached(const Observation& o) {
  if (!o.live.any() && !o.persistent.any()) return {};
  if (auto wait = notNow(o)) return *wait;
  return changeVm(Step::Unplug, o, "NicPresent", "The VM still has the NIC; it is being detached");
}

Plan planAttached(const Observation& o) {
  if (!o.macOwner.empty()) {
    return stop(
        "MacAddressConflict",
        fmt::format("MAC {} belongs to the older vnic {} on the same network", o.mac, o.macOwner));
  }
  if (o.macIsNew) {
    return {Step::None, "MacAddressChosen", "The chosen MAC address is being recorded",
            Duration::zero()};
  }
  // Whoever has the VF already is adopted also when the profile could not be used for a new one.
  if (!o.profileProblem.empty() && !(o.wantsVf() && o.nic().vf != nullptr)) {
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
  api::DevicePlan device = domain::planOf(*o.nic().vf);
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
  if (o.wantsStandby() && o.nic().virtio != nullptr && o.nic().virtio->standby) {
    device.standbyAlias = o.nic().virtio->alias;
  }
  return device;
}

}  // namespace vnic::reconcile::vnic
