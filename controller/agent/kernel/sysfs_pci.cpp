// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/sysfs_pci.h"

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

namespace vnic::agent::kernel {
namespace {

namespace fs = std::filesystem;

// The last part of what a symbolic link names, "" when it is none.
std::string targetOf(const fs::path& link) {
  std::error_code failed;
  return fs::read_symlink(link, failed).filename().string();
}

std::string firstLineOf(const fs::path& file) {
  std::ifstream stream(file);
  std::string line;
  std::getline(stream, line);
  return line;
}

std::vector<std::string> namesIn(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code failed;
  for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end;
       entry.increment(failed)) {
    names.push_back(entry->path().filename().string());
  }
  return names;
}

}  // namespace

fs::path SysfsPci::device(const PciAddress& address) const {
  return root_ / "bus/pci/devices" / address.str();
}

std::optional<PciBus::Place> SysfsPci::placeOf(const PciAddress& vf) const {
  const auto pf = PciAddress::parse(targetOf(device(vf) / "physfn"));
  if (!pf) return std::nullopt;
  const std::string prefix = "virtfn";
  for (const std::string& name : namesIn(device(*pf))) {
    if (name.rfind(prefix, 0) != 0 || targetOf(device(*pf) / name) != vf.str()) continue;
    return Place{*pf, std::stoi(name.substr(prefix.size()))};
  }
  return std::nullopt;
}

std::vector<PciAddress> SysfsPci::allVfs() const {
  std::vector<PciAddress> vfs;
  for (const std::string& name : namesIn(root_ / "bus/pci/devices")) {
    const auto address = PciAddress::parse(name);
    if (address && fs::is_symlink(device(*address) / "physfn")) vfs.push_back(*address);
  }
  std::sort(vfs.begin(), vfs.end());
  return vfs;
}

bool SysfsPci::boundToVfio(const PciAddress& vf) const {
  return targetOf(device(vf) / "driver").find("vfio") != std::string::npos;
}

bool SysfsPci::openByGuest(const PciAddress& vf) const {
  // vfio enables the device while somebody has it open, and only then.
  const std::string count = firstLineOf(device(vf) / "enable");
  return boundToVfio(vf) && !count.empty() && count != "0";
}

bool SysfsPci::drivenByGuest(const PciAddress& vf) const {
  if (!boundToVfio(vf)) return false;
  // Interrupts are allotted when the guest switches MSI-X on; they get a handler when its driver
  // asks for one, which network drivers do when their device is opened.
  const auto interrupts = namesIn(device(vf) / "msi_irqs");
  return std::any_of(interrupts.begin(), interrupts.end(), [&](const std::string& number) {
    return !firstLineOf(root_ / "kernel/irq" / number / "actions").empty();
  });
}

}  // namespace vnic::agent::kernel
