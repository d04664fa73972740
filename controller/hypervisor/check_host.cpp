// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/check_host.h"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>
#include <utility>

#include "hypervisor/connection_error.h"

namespace vnic::hypervisor {
namespace {

// What the failover pair needs: <teaming> in libvirt, a sane failover device in QEMU.
constexpr Version kLibvirtFloor{7, 0, 0};
constexpr Version kQemuFloor{5, 2, 0};
constexpr Duration kPollInterval = std::chrono::milliseconds(200);

CheckLine ok(std::string subject, std::string finding) {
  return {CheckLevel::Ok, std::move(subject), std::move(finding), ""};
}

CheckLine checkVersion(const char* name, const Version& version, const Version& floor) {
  if (version >= floor) return ok(name, version.str());
  return {CheckLevel::Failure, name, fmt::format("{} is older than {}", version.str(), floor.str()),
          fmt::format("install {} {} or newer", name, floor.str())};
}

std::string nameOf(const PhysicalFunction& pf) {
  return pf.netdev.empty() ? pf.address.str() : fmt::format("{} ({})", pf.netdev, pf.address.str());
}

CheckLine checkVfs(const PhysicalFunction& pf) {
  if (!pf.virtualFunctions.empty()) {
    return ok("VFs", fmt::format("{} has {} of at most {}", nameOf(pf), pf.virtualFunctions.size(),
                                 pf.maxVirtualFunctions));
  }
  return {CheckLevel::Warning, "VFs", fmt::format("{} has none", nameOf(pf)),
          fmt::format("echo {} > /sys/bus/pci/devices/{}/sriov_numvfs, and again at each boot (a "
                      "udev rule or a systemd unit)",
                      std::max(1, pf.maxVirtualFunctions), pf.address.str())};
}

void checkPhysicalFunction(const PhysicalFunction& pf, std::vector<CheckLine>& lines) {
  lines.push_back(checkVfs(pf));
  if (!pf.linkUp) {
    lines.push_back({CheckLevel::Warning, "link",
                     fmt::format("{} is down: libvirt plugs in no VF of it", nameOf(pf)),
                     pf.netdev.empty()
                         ? "give the card back to its driver on the host"
                         : fmt::format("ip link set {} up, and plug in its cable", pf.netdev)});
  }
  std::size_t shared = 0, inHostUse = 0;
  for (const VirtualFunction& vf : pf.virtualFunctions) {
    if (vf.iommuGroupSize > 1) ++shared;
    if (vf.netdevUp) ++inHostUse;
  }
  if (shared > 0) {
    lines.push_back(
        {CheckLevel::Warning, "IOMMU groups",
         fmt::format("{} VFs of {} share a group with other devices", shared, nameOf(pf)),
         "switch on ACS in the firmware, or use a slot behind a port that has it; such "
         "VFs are not used"});
  }
  if (inHostUse > 0) {
    lines.push_back(
        {CheckLevel::Warning, "host NICs",
         fmt::format("{} VFs of {} are up as the host's own NICs", inHostUse, nameOf(pf)),
         "keep the VF driver off the host (blacklist it), or leave these VFs to the "
         "host"});
  }
}

void checkPhysicalFunctions(const HostSnapshot& host, std::vector<CheckLine>& lines) {
  const auto& pfs = host.physicalFunctions;
  if (pfs.empty()) {
    lines.push_back({CheckLevel::Failure, "SR-IOV", "no network card with SR-IOV was found",
                     "switch on SR-IOV in the firmware of machine and card, and load the card's "
                     "driver"});
    return;
  }
  for (const PhysicalFunction& pf : pfs) checkPhysicalFunction(pf, lines);
  const bool any = std::any_of(pfs.begin(), pfs.end(), [](const PhysicalFunction& pf) {
    return pf.linkUp && !pf.virtualFunctions.empty();
  });
  lines.push_back(any ? ok("SR-IOV", "there are VFs to give to VMs")
                      : CheckLine{CheckLevel::Failure, "SR-IOV",
                                  "no card is up and has VFs: no VM can get one here",
                                  "see the lines above"});
}

void checkNetworks(const HostSnapshot& host, std::vector<CheckLine>& lines) {
  if (host.networks.empty()) {
    lines.push_back({CheckLevel::Warning, "networks",
                     "libvirt has none: no standby NIC of a failover pair can be placed by network",
                     "virsh net-define a <network> of the logical network's name with <forward "
                     "mode='bridge'/> and <bridge name='...'/>, or name bridges in the profiles"});
  }
  for (const Network& network : host.networks) {
    if (network.active) {
      lines.push_back(ok(
          "network", network.bridge.empty()
                         ? network.name + " is active"
                         : fmt::format("{} is active on bridge {}", network.name, network.bridge)));
    } else {
      lines.push_back(
          {CheckLevel::Warning, "network",
           fmt::format("{} is not active: no VM that needs it can come here", network.name),
           fmt::format("virsh net-start {0}; virsh net-autostart {0}", network.name)});
    }
  }
}

const char* label(CheckLevel level) {
  switch (level) {
    case CheckLevel::Ok:
      return "OK  ";
    case CheckLevel::Warning:
      return "WARN";
    case CheckLevel::Failure:
      break;
  }
  return "FAIL";
}

}  // namespace

CheckLine checkConnection(const Status& connected) {
  if (connected) return ok("connection", "libvirt answers");
  return {CheckLevel::Failure, "connection", connected.error().message,
          connectionFix(connected.error())};
}

std::vector<CheckLine> checkSnapshot(const HostSnapshot& host) {
  std::vector<CheckLine> lines;
  lines.push_back(checkVersion("libvirt", host.libvirt, kLibvirtFloor));
  lines.push_back(checkVersion("QEMU", host.qemu, kQemuFloor));
  lines.push_back(
      host.iommu ? ok("IOMMU", "on")
                 : CheckLine{CheckLevel::Failure, "IOMMU", "no PCI device is in an IOMMU group",
                             "switch on VT-d or AMD-Vi in the firmware; on Intel boot with "
                             "intel_iommu=on iommu=pt"});
  lines.push_back(host.vfio ? ok("VFIO", "libvirt can pass PCI devices through")
                            : CheckLine{CheckLevel::Failure, "VFIO",
                                        "libvirt cannot pass PCI devices through",
                                        "modprobe vfio-pci, and name vfio-pci in a file under "
                                        "/etc/modules-load.d"});
  checkPhysicalFunctions(host, lines);
  checkNetworks(host, lines);
  return lines;
}

CheckLine checkPeer(const std::string& peerURI, const Result<PeerProbe>& probe) {
  if (!probe) {
    return {CheckLevel::Warning, "peer", probe.error().message, "try again"};
  }
  switch (probe->access) {
    case PeerAccess::Reached:
      return ok("peer", fmt::format("this host's libvirt reaches {}", peerURI));
    case PeerAccess::Unchecked:
      return {CheckLevel::Warning, "peer",
              fmt::format("whether this host's libvirt reaches {} is not known: {}", peerURI,
                          probe->message),
              "run this again while a VM runs on the host"};
    case PeerAccess::Refused:
      break;
  }
  return {CheckLevel::Failure, "peer",
          fmt::format("this host's libvirt does not reach {}: {}", peerURI, probe->message),
          "the host itself connects to its peer, as a client: name resolution, port 16514, and "
          "/etc/pki/libvirt/clientcert.pem with private/clientkey.pem on this host"};
}

std::string formatChecks(const std::vector<CheckLine>& lines) {
  std::size_t width = 0;
  for (const CheckLine& line : lines) width = std::max(width, line.subject.size());
  std::string text;
  for (const CheckLine& line : lines) {
    text += fmt::format("{}  {:<{}}  {}\n", label(line.level), line.subject, width, line.finding);
    if (!line.fix.empty()) text += fmt::format("      {:<{}}  fix: {}\n", "", width, line.fix);
  }
  const auto count = [&](CheckLevel level) {
    return std::count_if(lines.begin(), lines.end(),
                         [level](const CheckLine& line) { return line.level == level; });
  };
  text += anyFailure(lines) ? fmt::format("Not fit: {} failed, {} warnings.\n",
                                          count(CheckLevel::Failure), count(CheckLevel::Warning))
                            : fmt::format("Fit, {} warnings.\n", count(CheckLevel::Warning));
  return text;
}

bool anyFailure(const std::vector<CheckLine>& lines) {
  return std::any_of(lines.begin(), lines.end(),
                     [](const CheckLine& line) { return line.level == CheckLevel::Failure; });
}

Result<HostSnapshot> readWhenConnected(Hypervisor& hypervisor, Clock& clock,
                                       const std::string& host, Duration patience) {
  const MonoTime deadline = clock.now() + patience;
  while (true) {
    auto snapshot = hypervisor.snapshot(host);
    if (snapshot) return snapshot;
    const Error& error = snapshot.error();
    const bool final = error.kind != ErrorKind::Transient || error.code != 0;
    if (final || clock.now() >= deadline) return snapshot;
    clock.sleepFor(kPollInterval, {});
  }
}

int checkHost(Hypervisor& hypervisor, Clock& clock, const std::string& uri,
              const std::optional<std::string>& peerURI, Duration patience, std::ostream& out) {
  const std::string host = "the host";
  hypervisor.setHost(host, uri);
  const auto snapshot = readWhenConnected(hypervisor, clock, host, patience);
  std::vector<CheckLine> lines{
      checkConnection(snapshot ? Status() : Status(fail(snapshot.error())))};
  if (snapshot) {
    const auto found = checkSnapshot(*snapshot);
    lines.insert(lines.end(), found.begin(), found.end());
    if (peerURI) lines.push_back(checkPeer(*peerURI, hypervisor.probePeer(host, *peerURI)));
  }
  out << formatChecks(lines);
  return anyFailure(lines) ? 1 : 0;
}

}  // namespace vnic::hypervisor
