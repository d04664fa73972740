// SPDX-License-Identifier: Apache-2.0
#include "domain/domain_xml_blockers.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "domain/domain_xml_nodes.h"

namespace vnic::domain {
namespace {

std::string hostdevBlocker(const pugi::xml_node& device) {
  const std::string_view type = attribute(device, "type");
  // With teaming libvirt takes the device out by itself while it migrates.
  if (type == "pci" && attribute(device.child("teaming"), "type") == "transient") return {};
  if (type == "usb") return {};
  if (type == "pci") {
    const auto source = readAddress(device.child("source").child("address"));
    return fmt::format("the host's PCI device {} is passed through as a plain <hostdev>",
                       source ? source->str() : "(no address)");
  }
  return fmt::format("a host device of type '{}' is passed through", type);
}

std::string deviceBlocker(const pugi::xml_node& device) {
  const std::string_view element = device.name();
  if (element == "hostdev") return hostdevBlocker(device);
  if (element == "interface" && attribute(device, "type") == "vdpa") {
    return "a NIC is a vDPA device";
  }
  if (element == "shmem" && attribute(device, "role") != "master") {
    return "a shared memory device (<shmem>) without role='master' is attached";
  }
  if (element == "tpm" && attribute(device.child("backend"), "type") == "passthrough") {
    return "the host's TPM is passed through";
  }
  if (element == "disk" && attribute(device, "type") == "vhostvdpa")
    return "a disk is a vDPA device";
  return {};
}

}  // namespace

std::vector<std::string> findBlockers(const pugi::xml_node& domain) {
  std::vector<std::string> blockers;
  for (const pugi::xml_node& device : domain.child("devices").children()) {
    if (std::string blocker = deviceBlocker(device); !blocker.empty()) {
      blockers.push_back(std::move(blocker));
    }
  }
  if (domain.child("launchSecurity")) {
    blockers.push_back("memory encryption (<launchSecurity>) is on");
  }
  const pugi::xml_node cpu = domain.child("cpu");
  if (attribute(cpu, "migratable") == "off") {
    blockers.push_back("the CPU model is not migratable (migratable='off')");
  }
  for (const pugi::xml_node& feature : cpu.children("feature")) {
    // An invariant TSC migrates only between hosts of one fixed frequency.
    if (attribute(feature, "name") == "invtsc" && attribute(feature, "policy") == "require" &&
        !domain.child("clock")
             .find_child_by_attribute("timer", "name", "tsc")
             .attribute("frequency")) {
      blockers.push_back("the CPU feature invtsc is required without a fixed TSC frequency");
    }
  }
  return blockers;
}

}  // namespace vnic::domain
