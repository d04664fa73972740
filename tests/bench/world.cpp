// SPDX-License-Identifier: Apache-2.0
#include "bench/world.h"

#include <fmt/format.h>

#include <algorithm>

namespace vnic::bench {
namespace {

constexpr int kVfsPerPf = 64;

hypervisor::PhysicalFunction physicalFunction(int number, int vfs) {
  hypervisor::PhysicalFunction pf;
  pf.address = *PciAddress::parse(fmt::format("0000:{:02x}:00.0", number + 1));
  pf.netdev = fmt::format("enp{}s0", number + 1);
  pf.linkUp = true;
  pf.maxVirtualFunctions = vfs;
  for (int i = 0; i < vfs; ++i) {
    hypervisor::VirtualFunction vf;
    vf.address = *PciAddress::parse(vfAddress(number * kVfsPerPf + i));
    vf.iommuGroup = 20 + number * kVfsPerPf + i;
    vf.iommuGroupSize = 1;
    pf.virtualFunctions.push_back(vf);
  }
  return pf;
}

}  // namespace

std::string hostName(int host) {
  return fmt::format("host{:03}", host);
}
std::string vmName(int vm) {
  return fmt::format("vm{:05}", vm);
}
std::string vmUuid(int vm) {
  return fmt::format("22222222-2222-2222-2222-{:012}", vm);
}
std::string macOf(int vm) {
  return fmt::format("52:54:00:{:02x}:{:02x}:{:02x}", vm >> 16, (vm >> 8) & 0xff, vm & 0xff);
}
std::string vfAddress(int index) {
  const int onPf = index % kVfsPerPf;
  return fmt::format("0000:{:02x}:{:02x}.{}", index / kVfsPerPf + 1, 0x10 + onPf / 4,
                     2 * (onPf % 4));
}
int hostOf(const WorldSize& world, int vm) {
  return vm % world.hosts;
}

api::VmHostSpec hostSpec(int host) {
  api::VmHostSpec spec;
  spec.libvirtURI = "qemu+tls://" + hostName(host) + "/system";
  spec.physicalFunctions = {{"enp1s0", {"tenant-blue"}}, {"enp2s0", {"tenant-blue"}}};
  spec.limits = {100, 100};  // what the CRD allows at most
  return spec;
}

api::VnicProfileSpec standbyProfile() {
  api::VnicProfileSpec spec;
  spec.network = "tenant-blue";
  return spec;
}

api::VnicProfileSpec failoverProfile() {
  api::VnicProfileSpec spec = standbyProfile();
  spec.passthrough = true;
  spec.failover = "blue-standby";
  return spec;
}

api::VnicSpec vnicSpec(int vm) {
  api::VnicSpec spec;
  spec.vmName = vmName(vm);
  spec.profile = "blue";
  spec.macAddress = macOf(vm);
  return spec;
}

void buildHosts(test::FakeHypervisor& hosts, const WorldSize& world) {
  hosts.migrationPolls = 1;
  for (int i = 0; i < world.hosts; ++i) {
    hosts.addHost(hostName(i), 0);
    auto& facts = hosts.facts(hostName(i));
    facts.physicalFunctions.clear();
    for (int pf = 0; pf * kVfsPerPf < world.vfsPerHost; ++pf) {
      facts.physicalFunctions.push_back(
          physicalFunction(pf, std::min(kVfsPerPf, world.vfsPerHost - pf * kVfsPerPf)));
    }
  }
  for (int vm = 0; vm < world.vms; ++vm) {
    test::VmNic nic;
    nic.mac = macOf(vm);
    nic.network = "tenant-blue";
    nic.standbyAlias = "ua-standby";
    nic.vf = vfAddress(vm / world.hosts);
    nic.vfAlias = "ua-vf";
    nic.guestAddress = "0000:03:00.0";
    hosts.addVm(
        hostName(hostOf(world, vm)),
        {.name = vmName(vm), .uuid = vmUuid(vm), .vnicNamespace = kNamespace, .nics = {nic}});
  }
}

}  // namespace vnic::bench
