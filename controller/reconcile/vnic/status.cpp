// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vnic/status.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <vector>

#include "api/names.h"
#include "reconcile/verdict.h"

namespace vnic::reconcile::vnic {
namespace {

using api::ConditionStatus;

bool isAttached(const Observation& o) {
  return o.wantsVf() || !o.profile ? o.nic().vf != nullptr : o.nic().virtio != nullptr;
}

// The state of the world is unknown, or in motion, rather than wrong.
bool isUndecided(const Observation& o) {
  return o.vm.verdict == VmSearch::Verdict::Unknown ||
         o.vm.verdict == VmSearch::Verdict::Ambiguous || o.migration != nullptr;
}

// A VF of a pair that the guest has not taken is there for libvirt, and hidden from the guest.
Verdict howAttached(const Observation& o) {
  if (o.vm.found() && o.vm.shutOff()) {
    return {ConditionStatus::True, "Defined", "The VM is shut off; its definition has the NIC"};
  }
  if (o.negotiated == false) {
    return {
        ConditionStatus::True, "AttachedUnverified",
        "The guest has not taken VF and standby as a pair (no driver with failover, or it still "
        "boots): it does not see the VF"};
  }
  return {ConditionStatus::True, "Attached", "The VM has the NIC"};
}

Verdict attached(const Observation& o, const Plan& plan) {
  if (isAttached(o)) return howAttached(o);
  const bool unknown =
      o.vm.verdict == VmSearch::Verdict::Unknown || o.vm.verdict == VmSearch::Verdict::Ambiguous;
  const std::string reason = plan.reason.empty() ? "Detached" : plan.reason;
  return {unknown ? ConditionStatus::Unknown : ConditionStatus::False, reason, plan.message};
}

bool vfCarriesNetwork(const Observation& o) {
  if (!o.host) return true;
  for (const auto& pf : o.vm.facts->snapshot.physicalFunctions) {
    for (const auto& vf : pf.virtualFunctions) {
      if (vf.address != o.nic().vf->source) continue;
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
  if (o.nic().vf->vlan != spec.vlan) {
    return {ConditionStatus::False, "VlanDiffers",
            fmt::format("The NIC has {}, the profile {}; it changes at the next attach",
                        describeVlan(o.nic().vf->vlan), describeVlan(spec.vlan))};
  }
  if (!vfCarriesNetwork(o)) {
    return {ConditionStatus::False, "NetworkDiffers",
            fmt::format("The PF of VF {} does not carry network {}", o.nic().vf->source.str(),
                        spec.network)};
  }
  if (o.wantsStandby() && (o.nic().virtio == nullptr || !o.nic().virtio->standby)) {
    return {ConditionStatus::False, "StandbyMissing",
            "The profile has a failover, but the VM has no standby for the VF; detach and attach "
            "the NIC to get one"};
  }
  if (!o.wantsStandby() && o.nic().vf->teaming) {
    return {ConditionStatus::False, "StandbyUnexpected",
            "The VF has a standby, but the profile has no failover"};
  }
  return {ConditionStatus::True, "InSync", ""};
}

std::string describeSource(const std::string& network, const std::string& bridge) {
  return network.empty() ? "bridge " + bridge : "network " + network;
}

std::string describeMtu(const domain::VirtualNic& nic) {
  return nic.mtu ? fmt::format("MTU {}", *nic.mtu) : "the network's MTU";
}

std::string describeFilter(const domain::VirtualNic& nic) {
  return nic.filter.empty() ? "no filter" : "filter " + nic.filter;
}

Verdict checkVirtio(const domain::VirtualNic& nic, const api::VnicProfile& profile) {
  const api::VnicProfileSpec& spec = profile.spec;
  const bool same = spec.bridge.empty() ? nic.network == spec.network : nic.bridge == spec.bridge;
  const std::string change = fmt::format(
      "VnicProfile {} differs, which takes effect at the next "
      "attach",
      profile.metadata.name);
  if (!same) {
    return {ConditionStatus::False, "NetworkDiffers",
            fmt::format("The virtio NIC is on {}, the profile wants {}",
                        describeSource(nic.network, nic.bridge),
                        spec.bridge.empty() ? "network " + spec.network : "bridge " + spec.bridge)};
  }
  if (spec.mtu && nic.mtu != spec.mtu) {
    return {ConditionStatus::False, "MtuDiffers",
            fmt::format("The virtio NIC has {}; {}", describeMtu(nic), change)};
  }
  if (nic.filter != spec.networkFilter) {
    return {ConditionStatus::False, "FilterDiffers",
            fmt::format("The virtio NIC has {}; {}", describeFilter(nic), change)};
  }
  return {ConditionStatus::True, "InSync", ""};
}

// What the VM's next start would change, "" = nothing.
std::string definitionDrift(const Observation& o) {
  if (!o.vm.domain->live || !o.vm.domain->persistent) return {};
  std::vector<std::string> found;
  const auto compare = [&](const char* what, const std::string& live, const std::string& defined) {
    if (live != defined)
      found.push_back(fmt::format("{} {} live, {} defined", what, live, defined));
  };
  const auto place = [](const std::optional<PciAddress>& address) {
    return address ? address->str() : std::string("nowhere");
  };
  const auto presence = [&](const char* what, const void* live, const void* defined) {
    if ((live == nullptr) == (defined == nullptr)) return live != nullptr;
    found.push_back(fmt::format("the {} is only {}", what, live ? "live" : "defined"));
    return false;
  };
  if (presence("VF", o.live.vf, o.persistent.vf)) {
    const domain::HostdevNic &live = *o.live.vf, &defined = *o.persistent.vf;
    compare("VF", live.source.str(), defined.source.str());
    compare("the VF's guest address", place(live.guestAddress), place(defined.guestAddress));
    compare("the VF has", describeVlan(live.vlan), describeVlan(defined.vlan));
    compare("the VF's standby", live.standbyAlias, defined.standbyAlias);
  }
  if (presence("virtio NIC", o.live.virtio, o.persistent.virtio)) {
    const domain::VirtualNic &live = *o.live.virtio, &defined = *o.persistent.virtio;
    // A running network NIC shows the network's bridge as well.
    compare("the virtio NIC on", describeSource(live.network, live.bridge),
            describeSource(defined.network, defined.bridge));
    compare("the virtio NIC's guest address", place(live.guestAddress),
            place(defined.guestAddress));
    compare("the virtio NIC has", describeFilter(live), describeFilter(defined));
    // What the definition leaves open is the network's, also where the live NIC shows it.
    if (defined.mtu) compare("the virtio NIC has", describeMtu(live), describeMtu(defined));
  }
  return fmt::format("{}", fmt::join(found, "; "));
}

Verdict checkProfile(const Observation& o) {
  if (!o.wantsVf()) return checkVirtio(*o.nic().virtio, *o.profile);
  Verdict vf = checkVf(o);
  if (vf.status != ConditionStatus::True || !o.wantsStandby() || !o.failover) return vf;
  return checkVirtio(*o.nic().virtio, *o.failover);
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
  Verdict profile = checkProfile(o);
  if (profile.status != ConditionStatus::True) return profile;
  if (const std::string drift = definitionDrift(o); !drift.empty()) {
    return {ConditionStatus::False, "DefinitionDiffers",
            "The VM's definition differs from what it runs with: " + drift};
  }
  return profile;
}

Verdict ready(const Observation& o, const Plan& plan, const Verdict& sync) {
  if (!plan.reason.empty()) {
    return {isUndecided(o) ? ConditionStatus::Unknown : ConditionStatus::False, plan.reason,
            plan.message};
  }
  if (sync.status != ConditionStatus::True)
    return {ConditionStatus::True, sync.reason, sync.message};
  if (!isAttached(o)) return {ConditionStatus::True, "Detached", ""};
  return howAttached(o);
}

void setNic(const Observation& o, api::VnicStatus& status) {
  status.vf.clear();
  status.guestAddress.clear();
  status.standby.clear();
  status.negotiated.clear();
  const NicParts& nic = o.nic();
  if (nic.virtio != nullptr && nic.virtio->standby) {
    status.standby = nic.virtio->alias;
    status.negotiated = !o.negotiated ? "Unknown" : *o.negotiated ? "True" : "False";
  }
  if (nic.vf != nullptr) {
    status.vf = nic.vf->source.str();
    if (nic.vf->guestAddress) status.guestAddress = nic.vf->guestAddress->str();
  } else if (!o.wantsVf() && nic.virtio != nullptr && nic.virtio->guestAddress) {
    status.guestAddress = nic.virtio->guestAddress->str();
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
