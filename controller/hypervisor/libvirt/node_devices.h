// SPDX-License-Identifier: Apache-2.0
// Reads libvirt's node device XML. Pure: text in, facts out.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hypervisor/hypervisor.h"

namespace vnic::hypervisor {

struct NodeDevice {
  std::string name;  // "pci_0000_01_10_0"
  std::string parent;
  std::string driver;
  // A PCI device.
  std::optional<PciAddress> address;
  bool isNetworkClass = true;  // PCI class 0x02....
  bool isPhysicalFunction = false;
  bool isVirtualFunction = false;
  int maxVirtualFunctions = 0;
  std::vector<PciAddress> virtualFunctions;
  int iommuGroup = -1;
  int iommuGroupSize = 0;
  // A network device.
  std::string netdev;
  bool linkUp = false;
};

Result<NodeDevice> parseNodeDevice(std::string_view xml);

// The network PFs with their VFs, in the order of their addresses.
std::vector<PhysicalFunction> physicalFunctionsOf(const std::vector<NodeDevice>& devices);
// Devices that physicalFunctionsOf() makes something of: PFs, VFs and the netdevs of either. The
// others of `devices` can be left out the next time.
std::vector<std::string> irrelevantOf(const std::vector<NodeDevice>& devices);
bool anyInIommuGroup(const std::vector<NodeDevice>& devices);

}  // namespace vnic::hypervisor
