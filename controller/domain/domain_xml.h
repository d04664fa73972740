// SPDX-License-Identifier: Apache-2.0
// Reads and rewrites libvirt's domain XML. Pure: text in, text out. XML is data from a host and
// never trusted: what is missing or malformed gives ErrorKind::Invalid, never a guess.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/vf_reservation.h"
#include "support/error.h"
#include "support/pci_address.h"

namespace vnic::domain {

// A PCI device of the host given to the guest.
struct HostdevNic {
  // true: <interface type='hostdev'>, libvirt sets MAC and VLAN on the VF.
  // false: a plain <hostdev>; it has no MAC or VLAN here, and may be no NIC at all.
  bool isInterface = true;
  std::string mac;    // canonical; "" for a plain <hostdev>
  std::string alias;  // "ua-..." when a person or the operator chose it, else libvirt's "hostdevN"
  PciAddress source;  // the host's device
  std::optional<PciAddress> guestAddress;  // absent in a definition that libvirt never placed
  bool teaming = false;                    // <teaming type='transient'>
  std::string standbyAlias;                // teaming's persistent=, "" without teaming
  std::optional<int> vlan;
  bool managed = false;  // libvirt binds the device to vfio-pci and back by itself
};

// Any other NIC.
struct VirtualNic {
  std::string mac;  // canonical
  std::string alias;
  std::string type;     // type= of <interface>: network, bridge, user, direct, ...
  std::string model;    // virtio, e1000e, ...
  std::string network;  // <source network=>, "" = none
  std::string bridge;   // <source bridge=>, "" = none; a live network NIC has both
  std::optional<PciAddress> guestAddress;
  std::string filter;       // <filterref filter=>, "" = none
  std::string virtualPort;  // <virtualport type=>, "" = none: the bridge is one of Linux
  std::optional<int> mtu;   // bytes
  bool standby = false;     // <teaming type='persistent'>
  bool linkDown = false;    // <link state='down'/>
};

struct DomainDescription {
  std::string uuid;
  std::string name;
  // Which Kubernetes namespace may move the VM: the namespace= of <vnic:vm> in <metadata>
  // (xmlns:vnic="https://vnic.dev/libvirt"), "" = none.
  std::string vnicNamespace;
  std::string machine;  // "pc-q35-10.0"
  std::int64_t memoryKiB = 0;
  std::vector<HostdevNic> hostdevs;  // PCI only, in the order of the XML
  std::vector<VirtualNic> virtualNics;
  // Buses of pcie-root-ports (and switch downstream ports) that take a device while the guest runs;
  // and those of them that have none.
  std::vector<int> hotplugBuses;
  std::vector<int> freeHotplugBuses;
  std::set<PciAddress> guestAddresses;  // in use in the guest
  // What libvirt or QEMU will not migrate as far as the XML tells, one sentence each. VFs are not
  // among them: they are taken out first. Plain PCI devices are.
  std::vector<std::string> blockers;

  bool isQ35() const;
  // Interfaces with a VF behind them; plain PCI devices are not among them.
  std::vector<HostdevNic> passthroughNics() const;
  const VirtualNic* standbyFor(const HostdevNic& nic) const;  // by alias; nullptr = none
};

Result<DomainDescription> parseDomain(std::string_view xml);

// The NIC with everything that is needed to plug it in again, as a reservation keeps it.
api::DevicePlan planOf(const HostdevNic& nic);

// The hostdev NIC that the plan describes: MAC and, when both sides have a "ua-" one, alias.
// nullptr = not there. (Two VFs that only a MAC would have to tell apart are among the blockers.)
const HostdevNic* findNic(const DomainDescription& domain, const api::DevicePlan& plan);

// The <interface type='hostdev'> for attach and detach: MAC, alias, VLAN, teaming and guest address
// of the plan, `vf` behind it. Invalid when MAC or guest address of the plan are malformed.
Result<std::string> vfDeviceXml(const api::DevicePlan& plan, const PciAddress& vf);

// Host-side parts that may differ between two hosts; nothing else is ever rewritten. A NIC is named
// by MAC and alias; an empty alias, or one that libvirt made ("hostdev0"), leaves the MAC to
// decide.
struct VfChange {
  std::string mac;
  std::string alias;
  PciAddress vf;
  bool changesVlan = false;  // else it keeps the one that it has
  std::optional<int> vlan = std::nullopt;
};

struct NetworkChange {
  std::string mac;
  std::string alias;
  std::string network;  // the libvirt network on the target, or
  std::string bridge;   // the bridge on the target; exactly one of the two
};

struct HostSideChanges {
  std::vector<VfChange> vfs;
  std::vector<NetworkChange> networks;
};

// The live definition for the target (VIR_MIGRATE_PARAM_DEST_XML), from the source's migratable or
// live XML. Every change must meet its NIC, otherwise Invalid: a definition that keeps the source's
// VF would be plugged into the wrong device.
Result<std::string> destinationXml(std::string_view xml, const HostSideChanges& changes);

// The definition that the target keeps (VIR_MIGRATE_PARAM_PERSIST_XML), from the source's
// persistent one. A NIC that is only in the live domain is no error here.
Result<std::string> persistentDestinationXml(std::string_view xml, const HostSideChanges& changes);

}  // namespace vnic::domain
