// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/libvirt/node_devices.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <pugixml.hpp>
#include <set>
#include <utility>

namespace vnic::hypervisor {
namespace {

PciAddress makeAddress(unsigned domain, unsigned bus, unsigned slot, unsigned function) {
  return {static_cast<std::uint16_t>(domain), static_cast<std::uint8_t>(bus),
          static_cast<std::uint8_t>(slot), static_cast<std::uint8_t>(function)};
}

// <address domain='0x0000' bus='0x01' slot='0x10' function='0x0'/>
PciAddress readAddress(const pugi::xml_node& node) {
  return makeAddress(node.attribute("domain").as_uint(), node.attribute("bus").as_uint(),
                     node.attribute("slot").as_uint(), node.attribute("function").as_uint());
}

void readPci(const pugi::xml_node& capability, NodeDevice& device) {
  // Here the parts are elements, in decimal.
  device.address = makeAddress(
      capability.child("domain").text().as_uint(), capability.child("bus").text().as_uint(),
      capability.child("slot").text().as_uint(), capability.child("function").text().as_uint());
  const pugi::xml_node pciClass = capability.child("class");
  device.isNetworkClass = !pciClass || (pciClass.text().as_uint() >> 16) == 0x02;
  for (const pugi::xml_node& nested : capability.children("capability")) {
    const std::string_view type = nested.attribute("type").value();
    if (type == "phys_function") device.isVirtualFunction = true;
    if (type != "virt_functions") continue;
    device.isPhysicalFunction = true;
    device.maxVirtualFunctions = nested.attribute("maxCount").as_int();
    for (const pugi::xml_node& vf : nested.children("address")) {
      device.virtualFunctions.push_back(readAddress(vf));
    }
  }
  if (const pugi::xml_node group = capability.child("iommuGroup")) {
    device.iommuGroup = group.attribute("number").as_int(-1);
    const auto members = group.children("address");
    device.iommuGroupSize = static_cast<int>(std::distance(members.begin(), members.end()));
  }
}

}  // namespace

Result<NodeDevice> parseNodeDevice(std::string_view xml) {
  pugi::xml_document document;
  const auto parsed = document.load_buffer(xml.data(), xml.size());
  const pugi::xml_node root = document.document_element();
  if (!parsed || std::string_view(root.name()) != "device") {
    return fail(Error::invalid(fmt::format("node device XML: {}", parsed.description())));
  }
  NodeDevice device;
  device.name = root.child("name").text().as_string();
  device.parent = root.child("parent").text().as_string();
  device.driver = root.child("driver").child("name").text().as_string();
  for (const pugi::xml_node& capability : root.children("capability")) {
    const std::string_view type = capability.attribute("type").value();
    if (type == "pci") readPci(capability, device);
    if (type == "net") {
      device.netdev = capability.child("interface").text().as_string();
      device.linkUp = std::string_view(capability.child("link").attribute("state").value()) == "up";
    }
  }
  return device;
}

std::vector<PhysicalFunction> physicalFunctionsOf(const std::vector<NodeDevice>& devices) {
  std::map<PciAddress, const NodeDevice*> byAddress;
  std::map<std::string, const NodeDevice*> netdevByParent;
  for (const NodeDevice& device : devices) {
    if (device.address) byAddress[*device.address] = &device;
    // A port with several netdevs (representors in switchdev mode): the first one is the PF's own.
    if (!device.netdev.empty()) netdevByParent.emplace(device.parent, &device);
  }
  std::vector<PhysicalFunction> result;
  for (const auto& [address, device] : byAddress) {
    if (!device->isPhysicalFunction || !device->isNetworkClass) continue;
    PhysicalFunction pf;
    pf.address = address;
    pf.maxVirtualFunctions = device->maxVirtualFunctions;
    if (const auto net = netdevByParent.find(device->name); net != netdevByParent.end()) {
      pf.netdev = net->second->netdev;
      pf.linkUp = net->second->linkUp;
    }
    for (const PciAddress& vfAddress : device->virtualFunctions) {
      VirtualFunction vf;
      vf.address = vfAddress;
      if (const auto own = byAddress.find(vfAddress); own != byAddress.end()) {
        vf.iommuGroup = own->second->iommuGroup;
        vf.iommuGroupSize = own->second->iommuGroupSize;
        vf.driver = own->second->driver;
        if (const auto net = netdevByParent.find(own->second->name); net != netdevByParent.end()) {
          vf.netdev = net->second->netdev;
          vf.netdevUp = net->second->linkUp;
        }
      }
      pf.virtualFunctions.push_back(std::move(vf));
    }
    result.push_back(std::move(pf));
  }
  return result;
}

std::vector<std::string> irrelevantOf(const std::vector<NodeDevice>& devices) {
  std::set<std::string> functions;
  for (const NodeDevice& device : devices) {
    if (device.isNetworkClass && (device.isPhysicalFunction || device.isVirtualFunction)) {
      functions.insert(device.name);
    }
  }
  std::vector<std::string> names;
  for (const NodeDevice& device : devices) {
    if (!functions.contains(device.name) && !functions.contains(device.parent)) {
      names.push_back(device.name);
    }
  }
  return names;
}

bool anyInIommuGroup(const std::vector<NodeDevice>& devices) {
  return std::any_of(devices.begin(), devices.end(),
                     [](const NodeDevice& device) { return device.iommuGroup >= 0; });
}

}  // namespace vnic::hypervisor
