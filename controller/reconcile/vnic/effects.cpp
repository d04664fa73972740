// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vnic/effects.h"

#include <fmt/format.h>

#include <chrono>

#include "api/names.h"
#include "reconcile/vnic/namespace_access.h"
#include "reconcile/vnic/plan.h"
#include "reconcile/vnic/reservations.h"
#include "reconcile/vnic/vf_choice.h"
#include "reconcile/vnic/virtio_xml.h"
#include "reconcile/vnic/vm_claim.h"

namespace vnic::reconcile::vnic {
namespace {

using hypervisor::DeviceScope;
using namespace std::chrono_literals;

// A call to a host may take this long; a leader with less time left must not begin one.
constexpr Duration kLeaseMargin = 2s;

tl::unexpected<Failure> failed(std::string reason, Error error,
                               std::optional<PciAddress> vf = std::nullopt) {
  return tl::unexpected<Failure>({std::move(reason), std::move(error), vf});
}

// The VM as its host shows it at this moment.
struct Look {
  hypervisor::Domain domain;
  std::optional<domain::DomainDescription> liveDescription;
  std::optional<domain::DomainDescription> persistentDescription;
  NicParts live;
  NicParts persistent;
};

// One change to one VM, from the claim to the look at what came of it.
class Operation {
 public:
  Operation(const EffectPorts& ports, const Observation& o) : ports_(ports), o_(o) {}

  // Claims the VM and looks at it.
  Outcome begin() {
    if (ports_.leaseTimeLeft() < kLeaseMargin) {
      return failed("LeaderChanging", Error::transient("the leader's Lease is about to end"));
    }
    auto claim = VmClaim::take(ports_.client, ports_.claims, *o_.vnic, o_.vm.uuid(), ports_.log);
    if (!claim) return failed("VmClaimed", claim.error());
    claim_ = std::move(*claim);
    return look();
  }

  Outcome plugVf();
  Outcome plugVirtio();
  Outcome unplug();

 private:
  const std::string& host() const { return o_.vm.host(); }
  const std::string& uuid() const { return o_.vm.uuid(); }

  Outcome look();
  Outcome requireRunning() const {
    if (look_.domain.state == hypervisor::DomainState::Running) return {};
    return failed("VmNotRunning", Error::transient("the VM does not run"));
  }
  Outcome attachVirtio(const api::VnicProfileSpec& profile, const std::string& alias, bool standby);
  Outcome detach(const std::string& xml, DeviceScope scope);
  void followDefinition(const api::DevicePlan& device, const PciAddress& vf);
  void releaseOthers(const PciAddress& vf);
  void tell(const char* reason, const char* action, std::string note) const {
    ports_.events.record({runtime::eventObject(*o_.vnic), runtime::EventType::Normal, reason,
                          action, std::move(note), std::nullopt});
  }
  // Both definitions where the VM has one and the NIC is not in it yet.
  DeviceScope attachScope(bool alreadyDefined) const {
    return look_.persistentDescription && !alreadyDefined ? DeviceScope::LiveAndPersistent
                                                          : DeviceScope::Live;
  }

  const EffectPorts& ports_;
  const Observation& o_;
  std::unique_ptr<VmClaim> claim_;
  Look look_;
};

Outcome Operation::look() {
  auto domain = ports_.hypervisor.domain(host(), uuid());
  if (!domain) return failed("HostUnknown", domain.error());
  look_ = Look{};
  look_.domain = std::move(*domain);
  const std::string alias = knownAlias(o_);
  const auto read = [&](const std::string& xml, auto& description, NicParts& parts) -> Outcome {
    if (xml.empty()) return {};
    auto parsed = domain::parseDomain(xml);
    if (!parsed) return failed("DefinitionUnreadable", parsed.error());
    description = std::move(*parsed);
    parts = partsOf(*description, o_.mac, alias);
    return {};
  };
  if (auto ok = read(look_.domain.liveXml, look_.liveDescription, look_.live); !ok) return ok;
  return read(look_.domain.persistentXml, look_.persistentDescription, look_.persistent);
}

Outcome Operation::attachVirtio(const api::VnicProfileSpec& profile, const std::string& alias,
                                bool standby) {
  const std::string xml = virtioDeviceXml(profile, o_.mac, alias, standby);
  const auto done = ports_.hypervisor.attachDevice(host(), uuid(), xml,
                                                   attachScope(look_.persistent.virtio != nullptr));
  if (!done) return failed(standby ? "StandbyAttachFailed" : "AttachFailed", done.error());
  if (auto seen = look(); !seen) return seen;
  if (look_.live.virtio == nullptr) {
    return failed("AttachFailed", Error::transient("the VM does not show the virtio NIC yet"));
  }
  return {};
}

Outcome Operation::plugVirtio() {
  if (auto running = requireRunning(); !running) return running;
  if (look_.live.virtio != nullptr) return {};
  if (auto done = attachVirtio(o_.profile->spec, "ua-" + o_.vnic->metadata.uid, false); !done) {
    return done;
  }
  tell("NicAttached", "Attach",
       fmt::format("Attached the virtio NIC to VM {} on {}", o_.vnic->spec.vmName, host()));
  return {};
}

Outcome Operation::plugVf() {
  if (auto running = requireRunning(); !running) return running;
  if (look_.live.vf != nullptr) return {};
  const auto facts = ports_.hostCache.refresh(host());
  if (!facts) return failed("HostUnknown", facts.error());
  const auto inventory = domain::buildInventory(host(), o_.host->spec, (*facts)->snapshot,
                                                (*facts)->domains, ports_.reservations.list());
  Observation now = o_;  // the NIC as it is at this moment
  now.live = look_.live;
  now.persistent = look_.persistent;
  const auto vf = chooseVf(now, inventory);
  if (!vf) {
    return failed("NoFreeVirtualFunction",
                  Error::transient(fmt::format("host {} has no free VF for network {}", host(),
                                               o_.profile->spec.network)));
  }
  const api::DevicePlan device = devicePlan(now);
  const auto reserved = reserve(ports_.client, *o_.vnic, {host(), *vf, uuid(), device});
  if (!reserved) return failed("ReservationFailed", reserved.error());
  if (o_.wantsStandby() && look_.live.virtio == nullptr) {
    if (auto done = attachVirtio(o_.failover->spec, device.standbyAlias, true); !done) return done;
  }
  const auto xml = domain::vfDeviceXml(device, *vf);
  if (!xml) return failed("AttachFailed", xml.error());
  const bool defined = look_.persistent.vf != nullptr;
  const auto done = ports_.hypervisor.attachDevice(host(), uuid(), *xml, attachScope(defined));
  if (!done) return failed("AttachFailed", done.error(), *vf);
  if (auto seen = look(); !seen) return seen;
  if (look_.live.vf == nullptr) {
    return failed("AttachFailed", Error::transient("the VM does not show the VF yet"), *vf);
  }
  followDefinition(device, *vf);
  releaseOthers(*vf);
  tell("VfAttached", "Attach",
       fmt::format("Attached VF {} to VM {} on {}", vf->str(), o_.vnic->spec.vmName, host()));
  return {};
}

// The definition has to name the VF that the VM has, or its next start would take another one's.
void Operation::followDefinition(const api::DevicePlan& device, const PciAddress& vf) {
  if (look_.persistent.vf == nullptr || look_.persistent.vf->source == vf) return;
  const auto xml = domain::persistentDestinationXml(look_.domain.persistentXml,
                                                    {{{o_.mac, device.alias, vf}}, {}});
  const Status done = xml ? ports_.hypervisor.define(host(), *xml) : fail(xml.error());
  if (!done) {
    ports_.log.warn("The VM's definition does not follow its VF",
                    {{"vm", o_.vnic->spec.vmName}, {"error", done.error().message}});
  }
}

// What it held on this host before and does not use: an earlier choice that did not work.
void Operation::releaseOthers(const PciAddress& vf) {
  for (const auto& reservation : o_.held) {
    if (reservation->spec.hostName != host() || reservation->spec.address == vf.str() ||
        reservation->spec.migration) {
      continue;
    }
    if (const auto done = startRelease(ports_.client, *reservation); !done) {
      ports_.log.warn("Could not release a VF", {{"vfreservation", reservation->metadata.name},
                                                 {"error", done.error().message}});
    }
  }
}

Outcome Operation::detach(const std::string& xml, DeviceScope scope) {
  const auto done = ports_.hypervisor.detachDevice(host(), uuid(), xml, scope);
  if (!done && done.error().kind != ErrorKind::NotFound) {
    return failed("DetachFailed", done.error());
  }
  return {};
}

Outcome Operation::unplug() {
  const auto vfXml = [&](const domain::HostdevNic& vf) {
    return domain::vfDeviceXml(domain::planOf(vf), vf.source);
  };
  if (look_.live.any()) {
    if (auto running = requireRunning(); !running) return running;
  }
  if (look_.live.vf != nullptr) {
    const auto xml = vfXml(*look_.live.vf);
    if (!xml) return failed("DetachFailed", xml.error());
    if (auto done = detach(*xml, DeviceScope::Live); !done) return done;
    if (auto seen = look(); !seen) return seen;
    if (look_.live.vf != nullptr) {
      return failed("DetachPending",
                    Error::transient("the guest was asked for the VF and has not let go of it"));
    }
  }
  if (look_.persistent.vf != nullptr) {
    const auto xml = vfXml(*look_.persistent.vf);
    if (!xml) return failed("DetachFailed", xml.error());
    if (auto done = detach(*xml, DeviceScope::Persistent); !done) return done;
  }
  // A virtio NIC beside a VF is ours only as its standby.
  const auto isOurs = [&](const domain::VirtualNic* nic) {
    return nic != nullptr && (nic->standby || !o_.wantsVf());
  };
  if (isOurs(look_.live.virtio)) {
    if (auto done = detach(virtioDeviceXml(*look_.live.virtio), DeviceScope::Live); !done) {
      return done;
    }
  }
  if (isOurs(look_.persistent.virtio)) {
    const auto xml = virtioDeviceXml(*look_.persistent.virtio);
    if (auto done = detach(xml, DeviceScope::Persistent); !done) return done;
  }
  if (auto seen = look(); !seen) return seen;
  if (look_.live.vf != nullptr || isOurs(look_.live.virtio)) {
    return failed("DetachPending",
                  Error::transient("the guest was asked for the NIC and has not let go of it"));
  }
  tell("NicDetached", "Detach",
       fmt::format("Detached the NIC from VM {} on {}", o_.vnic->spec.vmName, host()));
  return {};
}

Outcome checkNamespace(const EffectPorts& ports, const Observation& o) {
  const auto allowed = mayUse(ports.client, o.profile->spec.allowedNamespaces, o.vnic->metadata.ns);
  if (!allowed) return failed("NamespaceUnknown", allowed.error());
  if (*allowed) return {};
  return failed("NamespaceNotAllowed",
                Error::invalid(fmt::format("VnicProfile {} may not be used in namespace {}",
                                           o.profile->metadata.name, o.vnic->metadata.ns)));
}

}  // namespace

Outcome adopt(const EffectPorts& ports, const Observation& o) {
  if (ports.leaseTimeLeft() < kLeaseMargin) {
    return failed("LeaderChanging", Error::transient("the leader's Lease is about to end"));
  }
  const auto reserved =
      reserve(ports.client, *o.vnic, {o.vm.host(), o.live.vf->source, o.vm.uuid(), adoptedPlan(o)});
  if (!reserved) return failed("ReservationFailed", reserved.error());
  return {};
}

Outcome plug(const EffectPorts& ports, const Observation& o) {
  if (!o.host) return failed("HostUnknown", Error::transient("its VmHost is gone"));
  if (auto allowed = checkNamespace(ports, o); !allowed) return allowed;
  Operation operation(ports, o);
  if (auto begun = operation.begin(); !begun) return begun;
  return o.wantsVf() ? operation.plugVf() : operation.plugVirtio();
}

Outcome unplug(const EffectPorts& ports, const Observation& o) {
  Operation operation(ports, o);
  if (auto begun = operation.begin(); !begun) return begun;
  return operation.unplug();
}

}  // namespace vnic::reconcile::vnic
