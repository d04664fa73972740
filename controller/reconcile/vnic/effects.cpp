// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vnic/effects.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "api/names.h"
#include "reconcile/contract/reconciler.h"
#include "reconcile/vnic/namespace_access.h"
#include "reconcile/vnic/plan.h"
#include "reconcile/vnic/reservations.h"
#include "reconcile/vnic/vf_choice.h"
#include "reconcile/vnic/virtio_xml.h"
#include "reconcile/vnic/vm_claim.h"

namespace vnic::reconcile::vnic {
namespace {

using hypervisor::DeviceScope;

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
  bool active() const { return look_.liveDescription.has_value(); }
  // The NIC as the VM has it: live, or by the definition of a VM that is shut off.
  const NicParts& nic() const { return active() ? look_.live : look_.persistent; }
  Outcome requireChangeable() const {
    if (look_.domain.state == hypervisor::DomainState::Running) return {};
    if (!active() && look_.persistentDescription) return {};
    return failed("VmNotRunning", Error::transient("the VM neither runs nor is shut off"));
  }
  Outcome checkRoom(const api::DevicePlan& device) const;
  std::optional<PciAddress> placeForStandby(const api::DevicePlan& device) const;
  Outcome attach(const std::string& xml, DeviceScope scope, const char* reason,
                 std::optional<PciAddress> vf = std::nullopt);
  Outcome attachVirtio(const api::VnicProfileSpec& profile, const std::string& alias, bool standby,
                       const std::optional<PciAddress>& place);
  Outcome attachVf(api::DevicePlan device, const PciAddress& vf);
  std::optional<PciAddress> freeInDefinition(const std::optional<PciAddress>& place) const;
  Outcome detach(const std::string& xml, DeviceScope scope);
  void followDefinition(const api::DevicePlan& device, const PciAddress& vf);
  void releaseOthers(const PciAddress& vf);
  void tell(const char* reason, const char* action, std::string note) const {
    ports_.events.record({runtime::eventObject(*o_.vnic), runtime::EventType::Normal, reason,
                          action, std::move(note), std::nullopt});
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

// Says beforehand, in words that name the fix, what libvirt would say in its own.
Outcome Operation::checkRoom(const api::DevicePlan& device) const {
  if (!active() || !look_.liveDescription->isQ35()) return {};
  std::size_t needed = look_.live.vf == nullptr && o_.wantsVf() ? 1 : 0;
  if (look_.live.virtio == nullptr && (o_.wantsStandby() || !o_.wantsVf())) ++needed;
  const std::size_t free = look_.liveDescription->freeHotplugBuses.size();
  if (free >= needed) return {};
  return failed("NoFreeHotplugPort",
                Error::transient(fmt::format(
                    "VM {} has {} free PCIe ports that take a device while it runs, {} are needed; "
                    "add <controller type='pci' model='pcie-root-port'/> to its definition and "
                    "start it anew (NIC {})",
                    o_.vnic->spec.vmName, free, needed, device.macAddress)));
}

// Where libvirt may place the standby as it likes unless the VF has to go to a certain port: then
// anywhere but there.
std::optional<PciAddress> Operation::placeForStandby(const api::DevicePlan& device) const {
  if (!active()) return std::nullopt;
  const domain::DomainDescription& live = *look_.liveDescription;
  if (look_.persistent.virtio != nullptr && look_.persistent.virtio->guestAddress &&
      !live.guestAddresses.contains(*look_.persistent.virtio->guestAddress)) {
    return look_.persistent.virtio->guestAddress;
  }
  const auto reserved = PciAddress::parse(device.guestAddress);
  if (!reserved) return std::nullopt;
  for (const int bus : live.freeHotplugBuses) {
    if (bus != reserved->bus) return PciAddress{0, static_cast<std::uint8_t>(bus), 0, 0};
  }
  return std::nullopt;
}

// The same place in the definition, so that the guest finds the NIC where it was after its next
// start; unless something else is defined there.
std::optional<PciAddress> Operation::freeInDefinition(
    const std::optional<PciAddress>& place) const {
  if (!place || look_.persistentDescription->guestAddresses.contains(*place)) return std::nullopt;
  return place;
}

Outcome Operation::attach(const std::string& xml, DeviceScope scope, const char* reason,
                          std::optional<PciAddress> vf) {
  const auto done = ports_.hypervisor.attachDevice(host(), uuid(), xml, scope);
  if (!done) return failed(reason, done.error(), vf);
  return look();
}

Outcome Operation::attachVirtio(const api::VnicProfileSpec& profile, const std::string& alias,
                                bool standby, const std::optional<PciAddress>& place) {
  const char* reason = standby ? "StandbyAttachFailed" : "AttachFailed";
  if (active() && look_.live.virtio == nullptr) {
    const std::string xml = virtioDeviceXml(profile, o_.mac, alias, standby, place);
    if (auto done = attach(xml, DeviceScope::Live, reason); !done) return done;
    if (look_.live.virtio == nullptr) {
      return failed(reason, Error::transient("the VM does not show the virtio NIC yet"));
    }
  }
  if (!look_.persistentDescription || look_.persistent.virtio != nullptr) return {};
  const auto same = look_.live.virtio ? look_.live.virtio->guestAddress : std::nullopt;
  const std::string xml = virtioDeviceXml(profile, o_.mac, alias, standby, freeInDefinition(same));
  return attach(xml, DeviceScope::Persistent, reason);
}

Outcome Operation::attachVf(api::DevicePlan device, const PciAddress& vf) {
  if (active() && look_.live.vf == nullptr) {
    const auto xml = domain::vfDeviceXml(device, vf);
    if (!xml) return failed("AttachFailed", xml.error());
    if (auto done = attach(*xml, DeviceScope::Live, "AttachFailed", vf); !done) return done;
    if (look_.live.vf == nullptr) {
      return failed("AttachFailed", Error::transient("the VM does not show the VF yet"), vf);
    }
  }
  if (!look_.persistentDescription || look_.persistent.vf != nullptr) return {};
  const auto same = freeInDefinition(look_.live.vf ? look_.live.vf->guestAddress
                                                   : PciAddress::parse(device.guestAddress));
  device.guestAddress = same ? same->str() : "";
  const auto xml = domain::vfDeviceXml(device, vf);
  if (!xml) return failed("AttachFailed", xml.error());
  return attach(*xml, DeviceScope::Persistent, "AttachFailed");
}

Outcome Operation::plugVirtio() {
  if (auto changeable = requireChangeable(); !changeable) return changeable;
  api::DevicePlan device;
  device.macAddress = o_.mac;
  const bool wasMissing = nic().virtio == nullptr;
  if (wasMissing) {
    if (auto room = checkRoom(device); !room) return room;
  }
  if (auto done = attachVirtio(o_.profile->spec, "ua-" + o_.vnic->metadata.uid, false,
                               placeForStandby(device));
      !done) {
    return done;
  }
  if (!wasMissing) return {};
  tell("NicAttached", "Attach",
       fmt::format("Attached the virtio NIC to VM {} on {}", o_.vnic->spec.vmName, host()));
  return {};
}

Outcome Operation::plugVf() {
  if (auto changeable = requireChangeable(); !changeable) return changeable;
  const bool wasMissing = nic().vf == nullptr;
  const auto facts = ports_.hostCache.refresh(host());
  if (!facts) return failed("HostUnknown", facts.error());
  const auto inventory = domain::buildInventory(*o_.host, (*facts)->snapshot, (*facts)->domains,
                                                ports_.reservations.list());
  Observation now = o_;  // the NIC as it is at this moment
  now.live = look_.live;
  now.persistent = look_.persistent;
  const auto vf = wasMissing ? chooseVf(now, inventory) : nic().vf->source;
  if (!vf) {
    return failed("NoFreeVirtualFunction",
                  Error::transient(fmt::format("host {} has no free VF for network {}", host(),
                                               o_.profile->spec.network)));
  }
  const api::DevicePlan device = wasMissing ? devicePlan(now) : domain::planOf(*nic().vf);
  if (wasMissing) {
    if (auto room = checkRoom(device); !room) return room;
    const auto reserved = reserve(ports_.client, *o_.vnic, {host(), *vf, uuid(), device});
    if (!reserved) return failed("ReservationFailed", reserved.error());
  }
  if (o_.wantsStandby() && (wasMissing || look_.live.virtio != nullptr)) {
    if (auto done =
            attachVirtio(o_.failover->spec, device.standbyAlias, true, placeForStandby(device));
        !done) {
      return done;
    }
  }
  if (auto done = attachVf(device, *vf); !done) return done;
  if (!wasMissing) return {};
  followDefinition(device, *vf);
  releaseOthers(*vf);
  tell("VfAttached", "Attach",
       fmt::format("Attached VF {} to VM {} on {}", vf->str(), o_.vnic->spec.vmName, host()));
  return {};
}

// The definition has to name the VF that the VM has, or its next start would take another one's.
void Operation::followDefinition(const api::DevicePlan& device, const PciAddress& vf) {
  const domain::HostdevNic* defined = look_.persistent.vf;
  if (defined == nullptr || (defined->source == vf && defined->vlan == device.vlan)) return;
  const auto xml = domain::persistentDestinationXml(
      look_.domain.persistentXml, {{{o_.mac, device.alias, vf, true, device.vlan}}, {}});
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
  if (auto changeable = requireChangeable(); !changeable) return changeable;
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
  const auto reserved = reserve(ports.client, *o.vnic,
                                {o.vm.host(), o.nic().vf->source, o.vm.uuid(), adoptedPlan(o)});
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
