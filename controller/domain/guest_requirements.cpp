// SPDX-License-Identifier: Apache-2.0
#include "domain/guest_requirements.h"

#include <utility>

#include "domain/domain_xml_nodes.h"

namespace vnic::domain {
namespace {

// Of a passed-through CPU the definition says nothing that could be compared.
bool isComparable(const std::string& cpuMode) {
  return cpuMode != "host-passthrough" && cpuMode != "maximum";
}

std::vector<Disk> readLocalDisks(const pugi::xml_node& devices) {
  std::vector<Disk> disks;
  for (const pugi::xml_node& node : devices.children("disk")) {
    const pugi::xml_node source = node.child("source");
    Disk disk;
    disk.target = attribute(node.child("target"), "dev");
    for (const char* name : {"file", "dev", "dir"}) {
      if (disk.source.empty()) disk.source = attribute(source, name);
    }
    disk.readOnly = static_cast<bool>(node.child("readonly"));
    if (!disk.source.empty()) disks.push_back(std::move(disk));
  }
  return disks;
}

}  // namespace

Result<GuestRequirements> readRequirements(std::string_view liveXml) {
  pugi::xml_document document;
  const auto root = loadDomain(document, liveXml);
  if (!root) return fail(root.error());
  GuestRequirements out;
  out.host.domainType = attribute(*root, "type");
  const pugi::xml_node type = root->child("os").child("type");
  out.host.architecture = attribute(type, "arch");
  out.host.machine = attribute(type, "machine");
  const pugi::xml_node cpu = root->child("cpu");
  out.cpuMode = attribute(cpu, "mode");
  if (cpu && isComparable(out.cpuMode)) out.host.cpuXml = print(cpu);
  const auto memory = readKiB(root->child("memory"));
  if (!memory) return fail(memory.error());
  out.memoryKiB = *memory;
  out.hugepages = static_cast<bool>(root->child("memoryBacking").child("hugepages"));
  if (const pugi::xml_node limit = root->child("memtune").child("hard_limit")) {
    const auto value = readKiB(limit);
    if (!value) return fail(value.error());
    out.memoryLimitKiB = *value;
  }
  out.localDisks = readLocalDisks(root->child("devices"));
  return out;
}

}  // namespace vnic::domain
