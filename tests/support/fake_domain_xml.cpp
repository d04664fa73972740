// SPDX-License-Identifier: Apache-2.0
#include "support/fake_domain_xml.h"

#include <fmt/format.h>

#include <pugixml.hpp>
#include <sstream>

#include "domain/domain_xml.h"
#include "support/fake_hypervisor.h"
#include "support/pci_address.h"

namespace vnic::test {
namespace {

std::string text(const pugi::xml_node& node) {
  std::ostringstream out;
  node.print(
      out, "  ",
      pugi::format_indent | pugi::format_no_declaration | pugi::format_attribute_single_quote);
  return out.str();
}

std::string address(const pugi::xml_node& node) {
  if (!node) return "";
  const PciAddress value{static_cast<std::uint16_t>(node.attribute("domain").as_uint()),
                         static_cast<std::uint8_t>(node.attribute("bus").as_uint()),
                         static_cast<std::uint8_t>(node.attribute("slot").as_uint()),
                         static_cast<std::uint8_t>(node.attribute("function").as_uint())};
  return value.str();
}

std::string addressElement(const std::string& value) {
  const auto parsed = PciAddress::parse(value);
  if (!parsed) return "";
  return fmt::format(
      "<address type='pci' domain='0x{:04x}' bus='0x{:02x}' slot='0x{:02x}' function='0x{:x}'/>",
      parsed->domain, parsed->bus, parsed->slot, parsed->function);
}

struct Device {
  explicit Device(const std::string& xml) { document.load_string(xml.c_str()); }
  pugi::xml_node root() const { return document.document_element(); }
  pugi::xml_document document;
};

// libvirt matches by MAC, guest address and alias, as far as they are given, never by type; what
// several devices match, it refuses.
pugi::xml_node match(const pugi::xml_document& domain, const pugi::xml_node& wanted) {
  const std::string mac = wanted.child("mac").attribute("address").value();
  const std::string alias = wanted.child("alias").attribute("name").value();
  const std::string place = address(wanted.child("address"));
  pugi::xml_node found;
  for (const auto& device : domain.document_element().child("devices").children(wanted.name())) {
    if (mac != device.child("mac").attribute("address").value()) continue;
    if (!alias.empty() && alias != device.child("alias").attribute("name").value()) continue;
    if (!place.empty() && place != address(device.child("address"))) continue;
    if (found) return {};
    found = device;
  }
  return found;
}

}  // namespace

std::string findDevice(const std::string& xml, const std::string& deviceXml) {
  const Device domain(xml), wanted(deviceXml);
  const auto found = match(domain.document, wanted.root());
  return found ? text(found) : "";
}

std::string withDevice(const std::string& xml, const std::string& deviceXml) {
  Device domain(xml);
  const Device device(deviceXml);
  pugi::xml_node added = domain.root().child("devices").append_copy(device.root());
  if (!added.child("address")) {
    const auto description = domain::parseDomain(xml);
    if (!description || description->freeHotplugBuses.empty()) return "";
    const Device place(
        addressElement(fmt::format("0000:{:02x}:00.0", description->freeHotplugBuses.front())));
    added.append_copy(place.root());
  }
  return text(domain.root());
}

std::string withoutDevice(const std::string& xml, const std::string& deviceXml) {
  Device domain(xml);
  const Device wanted(deviceXml);
  domain.root().child("devices").remove_child(match(domain.document, wanted.root()));
  return text(domain.root());
}

std::string aliasOfDevice(const std::string& deviceXml) {
  return Device(deviceXml).root().child("alias").attribute("name").value();
}

std::string macOfDevice(const std::string& deviceXml) {
  return Device(deviceXml).root().child("mac").attribute("address").value();
}

std::string sourceVfOfDevice(const std::string& deviceXml) {
  return address(Device(deviceXml).root().child("source").child("address"));
}

std::string guestAddressOfDevice(const std::string& deviceXml) {
  return address(Device(deviceXml).root().child("address"));
}

std::vector<std::string> aliases(const std::string& xml) {
  const Device domain(xml);
  std::vector<std::string> names;
  for (const auto& device : domain.root().child("devices").children()) {
    if (const auto alias = device.child("alias")) {
      names.emplace_back(alias.attribute("name").value());
    }
  }
  return names;
}

std::string asRunning(const std::string& xml, const std::vector<hypervisor::Network>& networks) {
  if (xml.empty()) return xml;
  const Device domain(xml);
  for (pugi::xml_node interface : domain.root().child("devices").children("interface")) {
    pugi::xml_node source = interface.child("source");
    const std::string network = source.attribute("network").value();
    for (const hypervisor::Network& known : networks) {
      if (network.empty() || known.name != network || known.bridge.empty()) continue;
      interface.attribute("type").set_value("bridge");
      source.append_attribute("portid") = "726e9a4e-3d62-4053-8cc5-37f2ec42b84d";
      source.append_attribute("bridge") = known.bridge.c_str();
    }
  }
  return text(domain.root());
}

std::string domainXml(const VmShape& shape) {
  std::string devices;
  for (int index = 1; index <= 8; ++index) {
    devices += fmt::format(
        "<controller type='pci' index='{0}' model='pcie-root-port'>"
        "<target chassis='{0}' port='0x{1:x}'/></controller>",
        index, 0x10 + index);
  }
  int bus = 1;
  for (const VmNic& nic : shape.nics) {
    if (!nic.network.empty()) {
      devices += fmt::format(
          "<interface type='network'><mac address='{}'/><source network='{}'/>"
          "<model type='virtio'/>{}<alias name='{}'/>{}</interface>",
          nic.mac, nic.network,
          nic.teaming && !nic.vf.empty() ? "<teaming type='persistent'/>" : "", nic.standbyAlias,
          addressElement(fmt::format("0000:{:02x}:00.0", bus++)));
    }
    if (!nic.vf.empty()) {
      devices += fmt::format(
          "<interface type='hostdev' managed='yes'><mac address='{}'/><source>{}</source>{}"
          "<alias name='{}'/>{}</interface>",
          nic.mac, addressElement(nic.vf),
          nic.teaming && !nic.network.empty()
              ? fmt::format("<teaming type='transient' persistent='{}'/>", nic.standbyAlias)
              : "",
          nic.vfAlias, addressElement(nic.guestAddress));
    }
  }
  const std::string metadata = shape.vnicNamespace.empty()
                                   ? ""
                                   : fmt::format(
                                         "<metadata><vnic:vm xmlns:vnic='https://vnic.dev/libvirt' "
                                         "namespace='{}'/></metadata>",
                                         shape.vnicNamespace);
  const std::string limit =
      shape.memoryLimitKiB == 0
          ? ""
          : fmt::format("<memtune><hard_limit unit='KiB'>{}</hard_limit></memtune>",
                        shape.memoryLimitKiB);
  return fmt::format(
      "<domain type='kvm'><name>{}</name><uuid>{}</uuid>{}<memory unit='KiB'>{}</memory>{}"
      "<vcpu>1</vcpu><os><type arch='x86_64' machine='{}'>hvm</type></os>"
      "<devices>{}</devices></domain>",
      shape.name, shape.uuid, metadata, shape.memoryKiB, limit, shape.machine, devices);
}

}  // namespace vnic::test
