// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vnic/status.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/names.h"
#include "reconcile/verdict.h"

namespace vnic::reconcile::vnic {
namespace {

using api::ConditionStatus;

bool isAttached(const Observation& o) {
  return o.wantsVf() || !o.profile ? o.live.vf != nullptr : o.live.virtio != nullptr;
}

// The state of the world is unknown, or in motion, rather than wrong.
bool isUndecided(const Observation& o) {
  return o.vm.verdict == VmSearch::Verdict::Unknown ||
         o.vm.verdict == VmSearch::Verdict::Ambiguous || o.migration != nullptr;
}

Verdict attached(const Observation& o, const Plan& plan) {
  if (isAttached(o)) return {ConditionStatus::True, "Attached", "The VM has the NIC"};
  const bool unknown =
      o.vm.verdict == VmSearch::Verdict::Unknown || o.vm.verdict == VmSearch::Verdict::Ambiguous;
  const std::string reason = plan.reason.empty() ? "Detached" : plan.reason;
  return {unknown ? ConditionStatus::Unknown : ConditionStatus::False, reason, plan.message};
}

bool vfCarriesNetwork(const Observation& o) {
  if (!o.host) return true;
  for (const auto& pf : o.vm.facts->snapshot.physicalFunctions) {
    for (const auto& vf : pf.virtualFunctions) {
      if (vf.address != o.live.vf->source) continue;
      const auto networks = domain::networksOf(o.host->spec, pf);
      return std::any_of(networks.begin(), networks.end(), [&](const auto& network) {
        return network == "*" || network == o.profile->spec.network;
      });
    }
  }
  return false;
}

std::string describeVlan(std::optional<int> vlan) {
  return vlan ? fmt::format("VLAN {}", *vlan) : "no VLAN";
}

Verdict checkVf(const Observation& o) {
  const api::VnicProfileSpec& spec = o.profile->spec;
  if (o.live.vf->vlan != spec.vlan) {
    return {ConditionStatus::False, "VlanDiffers",
            fmt::format("The NIC has {}, the profile {}; it changes at the next attach",
                        describeVlan(o.live.vf->vlan), describeVlan(spec.vlan))};
  }
  if (!vfCarriesNetwork(o)) {
    return {ConditionStatus::False, "NetworkDiffers",
            fmt::format("The PF of VF {} does not carry network {}", o.live.vf->source.str(),
                        spec.network)};
  }
  if (o.wantsStandby() && (o.live.virtio == nullptr || !o.live.virtio->standby)) {
    return {ConditionStatus::False, "StandbyMissing",
            "The profile has a failover, but the VM has no standby for the VF; detach and attach "
            "the NIC to get one"};
  }
  if (!o.wantsStandby() && o.live.vf->teaming) {
    return {ConditionStatus::False, "StandbyUnexpected",
            "The VF has a standby, but the profile has no failover"};
  }
  return {ConditionStatus::True, "InSync", ""};
}

Verdict checkVirtio(const domain::VirtualNic& nic, const api::VnicProfileSpec& spec) {
  const bool same = spec.bridge.empty() ? nic.network == spec.network : nic.bridge == spec.bridge;
  if (same) return {ConditionStatus::True, "InSync", ""};
  return {ConditionStatus::False, "NetworkDiffers",
          fmt::format("The virtio NIC is on {} {}, the profile wants {} {}",
                      nic.network.empty() ? "bridge" : "network",
                      nic.network.empty() ? nic.bridge : nic.network,
                      spec.bridge.empty() ? "network" : "bridge",
                      spec.bridge.empty() ? spec.network : spec.bridge)};
}

Verdict inSync(const Observation& o, const Plan& plan) {
  if (!o.vm.found() || o.migration) return {ConditionStatus::Unknown, plan.reason, plan.message};
  if (!isAttached(o)) {
    if (plan.reason.empty()) return {ConditionStatus::True, "InSync", "Detached as wanted"};
    return {ConditionStatus::False, plan.reason, plan.message};
  }
  if (!plan.reason.empty()) return {ConditionStatus::False, plan.reason, plan.message};
  if (!o.profileProblem.empty()) {
    return {ConditionStatus::False, o.profile ? "ProfileNotAccepted" : "ProfileNotFound",
            o.profileProblem};
  }
  if (!o.wantsVf()) return checkVirtio(*o.live.virtio, o.profile->spec);
  const Verdict vf = checkVf(o);
  if (vf.status != ConditionStatus::True || !o.wantsStandby() || !o.failover) return vf;
  return checkVirtio(*o.live.virtio, o.failover->spec);
}

Verdict ready(const Observation& o, const Plan& plan, const Verdict& sync) {
  if (!plan.reason.empty()) {
    return {isUndecided(o) ? ConditionStatus::Unknown : ConditionStatus::False, plan.reason,
            plan.message};
  }
  if (sync.status != ConditionStatus::True)
    return {ConditionStatus::True, sync.reason, sync.message};
  return {ConditionStatus::True, isAttached(o) ? "Attached" : "Detached", ""};
}

void setNic(const Observation& o, api::VnicStatus& status) {
  status.vf.clear();
  status.guestAddress.clear();
  status.standby.clear();
  status.negotiated.clear();
  if (o.live.virtio != nullptr && o.live.virtio->standby) {
    status.standby = o.live.virtio->alias;
    status.negotiated = "Unknown";  // nobody inside the guest has told
  }
  if (o.live.vf != nullptr) {
    status.vf = o.live.vf->source.str();
    if (o.live.vf->guestAddress) status.guestAddress = o.live.vf->guestAddress->str();
  } else if (!o.wantsVf() && o.live.virtio != nullptr && o.live.virtio->guestAddress) {
    status.guestAddress = o.live.virtio->guestAddress->str();
  }
}

}  // namespace

api::VnicStatus buildStatus(const Observation& o, const Plan& plan) {
  api::VnicStatus status = o.vnic->status;
  const auto generation = o.vnic->metadata.generation;
  status.observedGeneration = generation;
  status.macAddress = o.mac;
  if (o.vm.found()) {
    status.host = o.vm.host();
    setNic(o, status);
  } else if (o.vm.verdict == VmSearch::Verdict::NotFound) {
    status.host.clear();
    setNic(o, status);
  }
  const bool waiting = plan.requeueAfter && o.retry;
  status.nextTryTime = waiting ? o.retry->nextTryTime : "";

  const auto set = [&](const char* type, const Verdict& verdict) {
    setVerdict(status.conditions, type, verdict, generation, o.wall);
  };
  const Verdict sync = inSync(o, plan);
  set(api::condition::kAttached, attached(o, plan));
  set(api::condition::kInSync, sync);
  set(api::condition::kReady, ready(o, plan, sync));
  if (waiting || plan.step == Step::Plug || plan.step == Step::Unplug) {
    set(api::condition::kReconciling, {ConditionStatus::True, plan.reason, plan.message});
  } else {
    api::removeCondition(status.conditions, api::condition::kReconciling);
  }
  return status;
}

}  // namespace vnic::reconcile::vnic
