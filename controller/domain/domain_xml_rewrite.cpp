// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "domain/domain_xml.h"
#include "domain/domain_xml_nodes.h"

namespace vnic::domain {
namespace {

bool isHostdevInterface(const pugi::xml_node& interface) {
  return std::string_view(interface.attribute("type").value()) == "hostdev";
}

// The one <interface> that MAC and alias name, among the VFs or among the others: a standby has the
// VF's MAC. Null when there is none; Invalid when there are two.
Result<pugi::xml_node> findInterface(const pugi::xml_node& root, bool hostdev, std::string_view mac,
                                     std::string_view alias) {
  pugi::xml_node found;
  for (const pugi::xml_node& interface : root.child("devices").children("interface")) {
    if (isHostdevInterface(interface) != hostdev || !isNamedBy(interface, mac, alias)) continue;
    if (found) {
      return fail(Error::invalid(
          fmt::format("domain XML: MAC {} and alias '{}' name two interfaces", mac, alias)));
    }
    found = interface;
  }
  return found;
}

void changeVlan(pugi::xml_node interface, const std::optional<int>& vlan) {
  interface.remove_child("vlan");
  if (!vlan) return;
  interface.insert_child_after("vlan", interface.child("source"))
      .append_child("tag")
      .append_attribute("id") = *vlan;
}

Status changeVf(const pugi::xml_node& root, const VfChange& change, bool mustMeet) {
  const auto interface = findInterface(root, true, change.mac, change.alias);
  if (!interface) return fail(interface.error());
  pugi::xml_node address = interface->child("source").child("address");
  if (address) {
    writeAddress(address, change.vf);
    if (change.changesVlan) changeVlan(*interface, change.vlan);
  } else if (mustMeet || *interface) {
    return fail(Error::invalid(
        fmt::format("domain XML: no VF interface with MAC {} and alias '{}' to give VF {}",
                    change.mac, change.alias, change.vf.str())));
  }
  return {};
}

void rewriteNetwork(pugi::xml_node interface, const NetworkChange& change) {
  const bool toNetwork = !change.network.empty();
  interface.attribute("type").set_value(toNetwork ? "network" : "bridge");
  pugi::xml_node source = interface.child("source");
  if (!source) source = interface.append_child("source");
  // portid, portgroup and the bridge of a network name things of the source host.
  source.remove_attributes();
  source.append_attribute(toNetwork ? "network" : "bridge") =
      (toNetwork ? change.network : change.bridge).c_str();
}

Status changeNetwork(const pugi::xml_node& root, const NetworkChange& change, bool mustMeet) {
  if (change.network.empty() == change.bridge.empty()) {
    return fail(Error::invalid(fmt::format(
        "interface with MAC {}: exactly one of network and bridge must be given", change.mac)));
  }
  const auto interface = findInterface(root, false, change.mac, change.alias);
  if (!interface) return fail(interface.error());
  if (*interface) {
    rewriteNetwork(*interface, change);
  } else if (mustMeet) {
    return fail(Error::invalid(fmt::format("domain XML: no interface with MAC {} and alias '{}'",
                                           change.mac, change.alias)));
  }
  return {};
}

Result<std::string> rewrite(std::string_view xml, const HostSideChanges& changes, bool mustMeet) {
  pugi::xml_document document;
  const auto root = loadDomain(document, xml);
  if (!root) return fail(root.error());
  for (const VfChange& change : changes.vfs) {
    if (const auto done = changeVf(*root, change, mustMeet); !done) return fail(done.error());
  }
  for (const NetworkChange& change : changes.networks) {
    if (const auto done = changeNetwork(*root, change, mustMeet); !done) return fail(done.error());
  }
  return print(*root);
}

}  // namespace

Result<std::string> vfDeviceXml(const api::DevicePlan& plan, const PciAddress& vf) {
  const auto mac = canonicalMac(plan.macAddress);
  if (!mac) return fail(Error::invalid(fmt::format("device plan: MAC '{}'", plan.macAddress)));
  const auto guest = PciAddress::parse(plan.guestAddress);
  if (!guest && !plan.guestAddress.empty()) {
    return fail(Error::invalid(fmt::format("device plan: guest address '{}'", plan.guestAddress)));
  }
  pugi::xml_document document;
  pugi::xml_node interface = document.append_child("interface");
  interface.append_attribute("type") = "hostdev";
  interface.append_attribute("managed") = plan.managed ? "yes" : "no";
  interface.append_child("mac").append_attribute("address") = mac->c_str();
  pugi::xml_node source = interface.append_child("source").append_child("address");
  source.append_attribute("type") = "pci";
  writeAddress(source, vf);
  if (plan.vlan) {
    interface.append_child("vlan").append_child("tag").append_attribute("id") = *plan.vlan;
  }
  if (!plan.standbyAlias.empty()) {
    pugi::xml_node teaming = interface.append_child("teaming");
    teaming.append_attribute("type") = "transient";
    teaming.append_attribute("persistent") = plan.standbyAlias.c_str();
  }
  // Libvirt replaces any other alias by one of its own, and then the NIC could not be found by it.
  if (isUserAlias(plan.alias)) {
    interface.append_child("alias").append_attribute("name") = plan.alias.c_str();
  }
  if (guest) {
    pugi::xml_node address = interface.append_child("address");
    address.append_attribute("type") = "pci";
    writeAddress(address, *guest);
  }
  return print(interface);
}

Result<std::string> destinationXml(std::string_view xml, const HostSideChanges& changes) {
  return rewrite(xml, changes, true);
}

Result<std::string> persistentDestinationXml(std::string_view xml, const HostSideChanges& changes) {
  return rewrite(xml, changes, false);
}

}  // namespace vnic::domain
