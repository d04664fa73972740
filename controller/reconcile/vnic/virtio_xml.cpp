// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vnic/virtio_xml.h"

#include <fmt/format.h>

#include <pugixml.hpp>
#include <sstream>

namespace vnic::reconcile::vnic {
namespace {

pugi::xml_node append(pugi::xml_node parent, const char* name, const char* attribute,
                      const std::string& value) {
  pugi::xml_node node = parent.append_child(name);
  node.append_attribute(attribute).set_value(value.c_str());
  return node;
}

pugi::xml_node startInterface(pugi::xml_document& document, const std::string& type,
                              const std::string& mac) {
  pugi::xml_node interface = document.append_child("interface");
  interface.append_attribute("type").set_value(type.c_str());
  append(interface, "mac", "address", mac);
  return interface;
}

void appendGuestAddress(pugi::xml_node interface, const PciAddress& guest) {
  pugi::xml_node address = append(interface, "address", "type", "pci");
  const auto put = [&](const char* name, const std::string& value) {
    address.append_attribute(name).set_value(value.c_str());
  };
  put("domain", fmt::format("0x{:04x}", guest.domain));
  put("bus", fmt::format("0x{:02x}", guest.bus));
  put("slot", fmt::format("0x{:02x}", guest.slot));
  put("function", fmt::format("0x{:x}", guest.function));
}

std::string text(const pugi::xml_document& document) {
  std::ostringstream out;
  document.save(out, "", pugi::format_raw | pugi::format_no_declaration);
  return out.str();
}

}  // namespace

std::string virtioDeviceXml(const api::VnicProfileSpec& profile, const std::string& mac,
                            const std::string& alias, bool standby,
                            const std::optional<PciAddress>& guestAddress) {
  pugi::xml_document document;
  const bool bridged = !profile.bridge.empty();
  pugi::xml_node interface = startInterface(document, bridged ? "bridge" : "network", mac);
  append(interface, "source", bridged ? "bridge" : "network",
         bridged ? profile.bridge : profile.network);
  append(interface, "model", "type", "virtio");
  if (standby) append(interface, "teaming", "type", "persistent");
  if (!profile.networkFilter.empty()) {
    append(interface, "filterref", "filter", profile.networkFilter);
  }
  if (profile.mtu) append(interface, "mtu", "size", std::to_string(*profile.mtu));
  append(interface, "alias", "name", alias);
  if (guestAddress) appendGuestAddress(interface, *guestAddress);
  return text(document);
}

std::string virtioDeviceXml(const domain::VirtualNic& nic) {
  pugi::xml_document document;
  // A running NIC of a network shows as one of the network's bridge, and libvirt does not take that
  // back as it is.
  const std::string type = nic.network.empty() ? nic.type : "network";
  pugi::xml_node interface = startInterface(document, type, nic.mac);
  if (!nic.network.empty()) {
    append(interface, "source", "network", nic.network);
  } else if (!nic.bridge.empty()) {
    append(interface, "source", "bridge", nic.bridge);
  }
  if (!nic.model.empty()) append(interface, "model", "type", nic.model);
  if (nic.standby) append(interface, "teaming", "type", "persistent");
  if (!nic.alias.empty()) append(interface, "alias", "name", nic.alias);
  if (nic.guestAddress) appendGuestAddress(interface, *nic.guestAddress);
  return text(document);
}

}  // namespace vnic::reconcile::vnic
