// SPDX-License-Identifier: Apache-2.0
#include "domain/describe_host.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "domain/domain_xml.h"
#include "domain/vf_inventory.h"
#include "domain/vnic_manifest.h"

namespace vnic::domain {
namespace {

// A kind of NIC; equal ones share a profile.
struct Kind {
  std::string network;
  std::optional<int> vlan;
  bool pair = false;
  std::string bridge;  // of the standby, where it is on no libvirt network
  std::string filter;  // of the standby
  std::optional<int> mtu;
  auto operator<=>(const Kind&) const = default;
};

class Description {
 public:
  Description(std::string name, std::string uri, std::string operatorNamespace,
              const hypervisor::HostSnapshot& host)
      : name_(std::move(name)),
        uri_(std::move(uri)),
        ns_(std::move(operatorNamespace)),
        host_(host),
        vms_(parseDomains(host.domains)) {}

  std::string text() {
    nameNetworks();
    for (const ParsedDomain& vm : vms_) describeVm(vm);
    return comments_ + vmHost() + profiles_ + vnics_;
  }

 private:
  void comment(const std::string& text) {
    // A name from a host must not end the comment.
    std::string line = text;
    for (char& c : line) {
      if (static_cast<unsigned char>(c) < 0x20) c = ' ';
    }
    comments_ += "# " + line + "\n";
  }

  const hypervisor::PhysicalFunction* pfOf(const PciAddress& vf) const {
    for (const auto& pf : host_.physicalFunctions) {
      for (const auto& candidate : pf.virtualFunctions) {
        if (candidate.address == vf) return &pf;
      }
    }
    return nullptr;
  }

  static std::string deviceOf(const hypervisor::PhysicalFunction& pf) {
    return pf.netdev.empty() ? pf.address.str() : pf.netdev;
  }

  // The standbys tell which networks a PF carries.
  void nameNetworks() {
    for (const ParsedDomain& vm : vms_) {
      const DomainDescription* current = vm.current();
      if (current == nullptr) continue;
      for (const HostdevNic& nic : current->passthroughNics()) {
        const auto* pf = pfOf(nic.source);
        const auto* standby = current->standbyFor(nic);
        if (pf == nullptr || standby == nullptr) continue;
        networks_[deviceOf(*pf)].insert(networkOf(*standby));
      }
    }
  }

  static std::string networkOf(const VirtualNic& standby) {
    return kubernetesName(standby.network.empty() ? standby.bridge : standby.network);
  }

  void describeVm(const ParsedDomain& vm) {
    const DomainDescription* current = vm.current();
    if (current == nullptr) {
      comment(
          fmt::format("VM {}: its definition cannot be read: {}", vm.summary.name, vm.unreadable));
      return;
    }
    for (const HostdevNic& nic : current->hostdevs) {
      if (nic.isInterface) {
        describeNic(*current, nic);
      } else {
        comment(
            fmt::format("VM {}: PCI device {} is a plain <hostdev>: it cannot move, and no Vnic "
                        "describes it",
                        current->name, nic.source.str()));
      }
    }
  }

  void describeNic(const DomainDescription& vm, const HostdevNic& nic) {
    const auto* pf = pfOf(nic.source);
    if (pf == nullptr) {
      comment(fmt::format("VM {}: NIC {} has VF {}, which the host does not have", vm.name, nic.mac,
                          nic.source.str()));
      return;
    }
    Kind kind;
    kind.vlan = nic.vlan;
    if (const VirtualNic* standby = vm.standbyFor(nic)) {
      kind.pair = true;
      kind.network = networkOf(*standby);
      if (standby->network != kind.network) kind.bridge = standby->bridge;
      kind.filter = standby->filter;
      kind.mtu = standby->mtu;
    } else {
      kind.network = guessNetwork(*pf);
    }
    vnics_ += toYaml(
        {vm.vnicNamespace.empty() ? ns_ : vm.vnicNamespace, vm.name, nic.mac, profileFor(kind)});
  }

  std::string guessNetwork(const hypervisor::PhysicalFunction& pf) {
    auto& known = networks_[deviceOf(pf)];
    if (known.empty()) {
      known.insert(kubernetesName(deviceOf(pf)));
      comment(
          fmt::format("PF {}: no standby tells which network it carries; give network {} its "
                      "name",
                      deviceOf(pf), *known.begin()));
    }
    return *known.begin();
  }

  std::string profileFor(const Kind& kind) {
    const auto found = names_.find(kind);
    if (found != names_.end()) return found->second;
    std::string base = kind.network;
    if (kind.vlan) base += fmt::format("-vlan{}", *kind.vlan);
    if (!kind.pair) base += "-plain";
    std::string name = base;
    for (int i = 2; !taken_.insert(name).second; ++i) name = fmt::format("{}-{}", base, i);
    names_[kind] = name;
    writeProfile(kind, name);
    return name;
  }

  void writeProfile(const Kind& kind, const std::string& name) {
    const auto field = [](const char* key, const std::string& value) {
      return value.empty() ? "" : fmt::format("  {}: {}\n", key, yamlScalar(value));
    };
    const auto number = [](const char* key, const std::optional<int>& value) {
      return value ? fmt::format("  {}: {}\n", key, *value) : "";
    };
    const std::string head = "---\napiVersion: vnic.dev/v1alpha1\nkind: VnicProfile\nmetadata:\n";
    const std::string standby = name + "-standby";
    if (kind.pair) {
      profiles_ += fmt::format("{}  name: {}\nspec:\n{}  passthrough: false\n{}{}{}{}", head,
                               standby, field("network", kind.network),
                               field("bridge", kind.bridge), field("networkFilter", kind.filter),
                               number("vlan", kind.vlan), number("mtu", kind.mtu));
    }
    profiles_ += fmt::format("{}  name: {}\nspec:\n{}  passthrough: true\n{}{}{}", head, name,
                             field("network", kind.network),
                             kind.pair ? fmt::format("  failover:\n    name: {}\n", standby) : "",
                             number("vlan", kind.vlan), number("mtu", kind.mtu));
  }

  std::string vmHost() const {
    std::string pfs;
    for (const auto& [device, networks] : networks_) {
      pfs += fmt::format("  - device: {}\n    networks: [{}]\n", yamlScalar(device),
                         fmt::join(networks, ", "));
    }
    return fmt::format(
        "---\napiVersion: vnic.dev/v1alpha1\nkind: VmHost\nmetadata:\n  name: {}\nspec:\n"
        "  libvirtURI: {}\n{}",
        yamlScalar(name_), yamlScalar(uri_), pfs.empty() ? "" : "  physicalFunctions:\n" + pfs);
  }

  std::string name_, uri_, ns_;
  const hypervisor::HostSnapshot& host_;
  std::vector<ParsedDomain> vms_;
  std::map<std::string, std::set<std::string>> networks_;  // of PFs, by device
  std::map<Kind, std::string> names_;
  std::set<std::string> taken_;
  std::string comments_, profiles_, vnics_;
};

}  // namespace

std::string describeHost(const std::string& name, const std::string& libvirtURI,
                         const std::string& operatorNamespace,
                         const hypervisor::HostSnapshot& host) {
  return Description(name, libvirtURI, operatorNamespace, host).text();
}

}  // namespace vnic::domain
