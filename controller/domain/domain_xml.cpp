// SPDX-License-Identifier: Apache-2.0
#include "domain/domain_xml.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "api/names.h"
#include "domain/domain_xml_blockers.h"
#include "domain/domain_xml_nodes.h"

namespace vnic::domain {
namespace {

// The URI that a prefix stands for at this element.
std::string_view namespaceOf(pugi::xml_node element, std::string_view prefix) {
  const std::string declaration =
      prefix.empty() ? std::string("xmlns") : fmt::format("xmlns:{}", prefix);
  for (; element; element = element.parent()) {
    const pugi::xml_attribute found = element.attribute(declaration.c_str());
    if (found) return found.value();
  }
  return {};
}

std::string readVnicNamespace(const pugi::xml_node& root) {
  for (const pugi::xml_node& element : root.child("metadata").children()) {
    const std::string_view name = element.name();
    const auto colon = name.find(':');
    const std::string_view prefix = colon == name.npos ? "" : name.substr(0, colon);
    const std::string_view local = colon == name.npos ? name : name.substr(colon + 1);
    if (local == "vm" && namespaceOf(element, prefix) == api::kVmMetadataNamespace) {
      return element.attribute("namespace").value();
    }
  }
  return {};
}

std::optional<int> readVlan(const pugi::xml_node& interface) {
  const pugi::xml_attribute id = interface.child("vlan").child("tag").attribute("id");
  if (!id) return std::nullopt;
  return id.as_int();
}

// Two VFs that nothing tells apart: no plan could say which of them it means.
void noteTwins(DomainDescription& domain) {
  const auto& nics = domain.hostdevs;
  for (auto nic = nics.begin(); nic != nics.end(); ++nic) {
    const bool twin = std::any_of(std::next(nic), nics.end(), [&](const HostdevNic& other) {
      return nic->isInterface && other.isInterface && nic->mac == other.mac &&
             (!isUserAlias(nic->alias) || !isUserAlias(other.alias) || nic->alias == other.alias);
    });
    if (twin) {
      domain.blockers.push_back(
          fmt::format("two VFs have the MAC {} and no aliases of their own (ua-...)", nic->mac));
    }
  }
}

// `source` is the element that holds the <address> of the host's device.
Result<HostdevNic> readHostdev(const pugi::xml_node& device, bool isInterface) {
  HostdevNic nic;
  nic.isInterface = isInterface;
  nic.alias = aliasOf(device);
  const auto source = readAddress(device.child("source").child("address"));
  if (!source) {
    return fail(Error::invalid(
        fmt::format("domain XML: hostdev '{}' has no PCI address of the host", nic.alias)));
  }
  nic.source = *source;
  nic.guestAddress = readAddress(device.child("address"));
  nic.managed = attribute(device, "managed") == "yes";
  const pugi::xml_node teaming = device.child("teaming");
  nic.teaming = attribute(teaming, "type") == "transient";
  if (nic.teaming) nic.standbyAlias = attribute(teaming, "persistent");
  if (isInterface) {
    const auto mac = canonicalMac(attribute(device.child("mac"), "address"));
    if (!mac) return fail(Error::invalid("domain XML: hostdev interface without MAC address"));
    nic.mac = *mac;
    nic.vlan = readVlan(device);
  }
  return nic;
}

Result<VirtualNic> readVirtualNic(const pugi::xml_node& device) {
  VirtualNic nic;
  const auto mac = canonicalMac(attribute(device.child("mac"), "address"));
  if (!mac) return fail(Error::invalid("domain XML: interface without MAC address"));
  nic.mac = *mac;
  nic.alias = aliasOf(device);
  nic.type = attribute(device, "type");
  nic.model = attribute(device.child("model"), "type");
  nic.network = attribute(device.child("source"), "network");
  nic.bridge = attribute(device.child("source"), "bridge");
  nic.guestAddress = readAddress(device.child("address"));
  nic.filter = attribute(device.child("filterref"), "filter");
  nic.virtualPort = attribute(device.child("virtualport"), "type");
  if (const auto mtu = device.child("mtu").attribute("size")) nic.mtu = mtu.as_int();
  nic.standby = attribute(device.child("teaming"), "type") == "persistent";
  nic.linkDown = attribute(device.child("link"), "state") == "down";
  return nic;
}

Status readDevices(const pugi::xml_node& devices, DomainDescription& domain) {
  for (const pugi::xml_node& device : devices.children()) {
    const std::string_view element = device.name();
    if (const auto address = readAddress(device.child("address"))) {
      domain.guestAddresses.insert(*address);
    }
    if (element == "interface" && attribute(device, "type") != "hostdev") {
      auto nic = readVirtualNic(device);
      if (!nic) return fail(nic.error());
      domain.virtualNics.push_back(std::move(*nic));
    } else if (element == "interface" ||
               (element == "hostdev" && attribute(device, "type") == "pci")) {
      auto nic = readHostdev(device, element == "interface");
      if (!nic) return fail(nic.error());
      domain.hostdevs.push_back(std::move(*nic));
    }
  }
  return {};
}

std::vector<int> readHotplugBuses(const pugi::xml_node& devices) {
  std::vector<int> buses;
  for (const pugi::xml_node& controller : devices.children("controller")) {
    const std::string_view model = attribute(controller, "model");
    if (model != "pcie-root-port" && model != "pcie-switch-downstream-port") continue;
    if (attribute(controller.child("target"), "hotplug") == "off") continue;
    const int bus = controller.attribute("index").as_int(-1);
    if (bus > 0) buses.push_back(bus);
  }
  return buses;
}

std::vector<int> freeBuses(const std::vector<int>& buses, const std::set<PciAddress>& used) {
  std::vector<int> free;
  std::copy_if(buses.begin(), buses.end(), std::back_inserter(free), [&](int bus) {
    return std::none_of(used.begin(), used.end(), [bus](const PciAddress& address) {
      return address.domain == 0 && address.bus == bus;
    });
  });
  return free;
}

}  // namespace

bool DomainDescription::isQ35() const {
  return machine == "q35" || machine.find("-q35-") != machine.npos;
}

std::vector<HostdevNic> DomainDescription::passthroughNics() const {
  std::vector<HostdevNic> nics;
  std::copy_if(hostdevs.begin(), hostdevs.end(), std::back_inserter(nics),
               [](const HostdevNic& nic) { return nic.isInterface; });
  return nics;
}

const VirtualNic* DomainDescription::standbyFor(const HostdevNic& nic) const {
  if (nic.standbyAlias.empty()) return nullptr;
  const auto found =
      std::find_if(virtualNics.begin(), virtualNics.end(),
                   [&](const VirtualNic& other) { return other.alias == nic.standbyAlias; });
  return found == virtualNics.end() ? nullptr : &*found;
}

Result<DomainDescription> parseDomain(std::string_view xml) {
  pugi::xml_document document;
  const auto root = loadDomain(document, xml);
  if (!root) return fail(root.error());
  DomainDescription domain;
  domain.uuid = root->child("uuid").text().as_string();
  domain.name = root->child("name").text().as_string();
  if (domain.name.empty()) return fail(Error::invalid("domain XML: <name> is missing"));
  domain.vnicNamespace = readVnicNamespace(*root);
  domain.machine = root->child("os").child("type").attribute("machine").value();
  const auto memory = readKiB(root->child("memory"));
  if (!memory) return fail(memory.error());
  domain.memoryKiB = *memory;
  const pugi::xml_node devices = root->child("devices");
  if (const auto read = readDevices(devices, domain); !read) return fail(read.error());
  domain.hotplugBuses = readHotplugBuses(devices);
  domain.freeHotplugBuses = freeBuses(domain.hotplugBuses, domain.guestAddresses);
  domain.blockers = findBlockers(*root);
  noteTwins(domain);
  return domain;
}

const HostdevNic* findNic(const DomainDescription& domain, const api::DevicePlan& plan) {
  const auto mac = canonicalMac(plan.macAddress);
  const auto found =
      std::find_if(domain.hostdevs.begin(), domain.hostdevs.end(), [&](const HostdevNic& nic) {
        return nic.isInterface && mac && nic.mac == *mac &&
               (!isUserAlias(plan.alias) || !isUserAlias(nic.alias) || nic.alias == plan.alias);
      });
  return found == domain.hostdevs.end() ? nullptr : &*found;
}

api::DevicePlan planOf(const HostdevNic& nic) {
  api::DevicePlan plan;
  plan.macAddress = nic.mac;
  plan.alias = nic.alias;
  plan.standbyAlias = nic.standbyAlias;
  plan.guestAddress = nic.guestAddress ? nic.guestAddress->str() : "";
  plan.vlan = nic.vlan;
  plan.managed = nic.managed;
  plan.originalVf = nic.source.str();
  return plan;
}

}  // namespace vnic::domain
