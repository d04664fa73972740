// SPDX-License-Identifier: Apache-2.0
#include "support/fake_hypervisor.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "domain/domain_xml.h"
#include "hypervisor/error_code.h"
#include "support/fake_domain_xml.h"
#include "support/fake_hypervisor_errors.h"

namespace vnic::test {

using hypervisor::DomainState;
using hypervisor::PausedReason;

Error libvirtError(int code, std::string message) {
  return Error{hypervisor::kindOf(code, message), std::move(message), code};
}

Error unreachable(const std::string& uri) {
  return libvirtError(hypervisor::kSystemError,
                      fmt::format("unable to connect to server at '{}': No route to host", uri));
}

// ---- the world --------------------------------------------------------------------------------

void FakeHypervisor::addHost(const std::string& host, int vfCount) {
  const std::lock_guard lock(mutex_);
  hypervisor::HostSnapshot facts;
  facts.libvirt = {11, 3, 0};
  facts.qemu = {10, 0, 2};
  facts.networks.push_back({"tenant-blue", true, "br0"});
  hypervisor::PhysicalFunction pf;
  pf.address = *PciAddress::parse("0000:01:00.0");
  pf.netdev = "enp1s0";
  pf.linkUp = true;
  for (int index = 0; index < vfCount; ++index) {
    hypervisor::VirtualFunction vf;
    vf.address = {0, 1, static_cast<std::uint8_t>(0x10 + index / 4),
                  static_cast<std::uint8_t>(2 * (index % 4))};
    vf.iommuGroup = 20 + index;
    vf.iommuGroupSize = 1;
    pf.virtualFunctions.push_back(vf);
  }
  facts.physicalFunctions.push_back(pf);
  hosts_[host].facts = facts;
}

hypervisor::HostSnapshot& FakeHypervisor::facts(const std::string& host) {
  return hosts_.at(host).facts;
}

void FakeHypervisor::setAway(const std::string& host, bool away) {
  const std::lock_guard lock(mutex_);
  hosts_.at(host).away = away;
  notify(host, "", away ? "disconnected" : "connected");
}

void FakeHypervisor::addVm(const std::string& host, const VmShape& shape, bool persistent) {
  const std::lock_guard lock(mutex_);
  Vm vm;
  vm.uuid = shape.uuid;
  vm.name = shape.name;
  vm.state = DomainState::Running;
  vm.persistent = persistent;
  vm.liveXml = domainXml(shape);
  if (persistent) vm.persistentXml = vm.liveXml;
  hosts_.at(host).vms[shape.uuid] = vm;
  notify(host, shape.uuid, "started");
}

void FakeHypervisor::remove(const std::string& host, const std::string& uuid) {
  const std::lock_guard lock(mutex_);
  hosts_.at(host).vms.erase(uuid);
  notify(host, uuid, "undefined");
}

void FakeHypervisor::setState(const std::string& host, const std::string& uuid, DomainState state,
                              PausedReason reason) {
  const std::lock_guard lock(mutex_);
  Vm& vm = hosts_.at(host).vms.at(uuid);
  vm.state = state;
  vm.pausedReason = reason;
  if (state == DomainState::ShutOff || state == DomainState::Crashed) vm.liveXml.clear();
  notify(host, uuid, "state");
}

void FakeHypervisor::setDeaf(const std::string& uuid, bool deaf) {
  const std::lock_guard lock(mutex_);
  deaf_[uuid] = deaf;
}

void FakeHypervisor::keepInGuest(const std::string& mac) {
  const std::lock_guard lock(mutex_);
  kept_.insert(mac);
}

void FakeHypervisor::eject(const std::string& host, const std::string& uuid) {
  const std::lock_guard lock(mutex_);
  Vm& vm = hosts_.at(host).vms.at(uuid);
  for (const std::string& device : vm.unplugRequested) {
    vm.liveXml = withoutDevice(vm.liveXml, device);
  }
  vm.unplugRequested.clear();
  notify(host, uuid, "device-removed");
}

void FakeHypervisor::failNext(Operation operation, Error error) {
  const std::lock_guard lock(mutex_);
  failures_[operation].push_back(std::move(error));
}

std::vector<std::string> FakeHypervisor::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

bool FakeHypervisor::running(const std::string& host, const std::string& uuid) const {
  const std::lock_guard lock(mutex_);
  const auto& vms = hosts_.at(host).vms;
  const auto found = vms.find(uuid);
  return found != vms.end() && found->second.state == DomainState::Running;
}

// ---- the port: hosts and reading --------------------------------------------------------------

void FakeHypervisor::setHost(const std::string& host, const std::string& uri) {
  const std::lock_guard lock(mutex_);
  hosts_[host].uri = uri;
}

void FakeHypervisor::removeHost(const std::string& host) {
  const std::lock_guard lock(mutex_);
  if (const auto found = hosts_.find(host); found != hosts_.end()) found->second.uri.clear();
}

void FakeHypervisor::setEventHandler(EventHandler handler) {
  const std::lock_guard lock(mutex_);
  handler_ = std::move(handler);
}

void FakeHypervisor::notify(const std::string& host, const std::string& uuid,
                            const std::string& what) {
  ++changes_;
  if (handler_) handler_({host, uuid, what});
}

Result<FakeHypervisor::Host*> FakeHypervisor::reach(const std::string& host, Operation operation) {
  if (auto& queued = failures_[operation]; !queued.empty()) {
    Error error = std::move(queued.front());
    queued.pop_front();
    return fail(std::move(error));
  }
  const auto found = hosts_.find(host);
  if (found == hosts_.end() || found->second.uri.empty()) {
    return fail(Error::transient(fmt::format("host {} is not known", host)));
  }
  if (found->second.away) {
    return fail(libvirtError(hypervisor::kSystemError,
                             fmt::format("host {} is away: No route to host", host)));
  }
  if (found->second.hung) {
    return fail(Error::transient(fmt::format("host {} did not answer in time", host)));
  }
  return &found->second;
}

Result<FakeHypervisor::Vm*> FakeHypervisor::find(const std::string& host, const std::string& uuid,
                                                 Operation operation) {
  const auto reached = reach(host, operation);
  if (!reached) return fail(reached.error());
  const auto found = (*reached)->vms.find(uuid);
  if (found == (*reached)->vms.end()) {
    return fail(libvirtError(hypervisor::kNoDomain,
                             fmt::format("no domain with matching uuid '{}'", uuid)));
  }
  return &found->second;
}

hypervisor::Domain FakeHypervisor::view(const Host& host, const Vm& vm) const {
  hypervisor::Domain domain = vm;
  domain.migratableXml = vm.liveXml;
  domain.liveXml = asRunning(vm.liveXml, host.facts.networks);
  return domain;
}

Result<hypervisor::HostSnapshot> FakeHypervisor::snapshot(const std::string& host) {
  const std::lock_guard lock(mutex_);
  const auto reached = reach(host, Operation::Snapshot);
  if (!reached) return fail(reached.error());
  hypervisor::HostSnapshot result = (*reached)->facts;
  for (const auto& [uuid, vm] : (*reached)->vms) {
    result.domains.push_back(view(**reached, vm));
    const auto description = domain::parseDomain(vm.liveXml);
    if (!description) continue;
    for (const auto& nic : description->hostdevs) {
      for (auto& pf : result.physicalFunctions) {
        for (auto& vf : pf.virtualFunctions) {
          if (vf.address == nic.source) vf.driver = "vfio-pci";
        }
      }
    }
  }
  return result;
}

Result<std::vector<hypervisor::DomainSummary>> FakeHypervisor::domains(const std::string& host) {
  const std::lock_guard lock(mutex_);
  const auto reached = reach(host, Operation::Domain);
  if (!reached) return fail(reached.error());
  std::vector<hypervisor::DomainSummary> result;
  for (const auto& [uuid, vm] : (*reached)->vms) result.push_back(vm);
  return result;
}

Result<hypervisor::Domain> FakeHypervisor::domain(const std::string& host,
                                                  const std::string& uuid) {
  const std::lock_guard lock(mutex_);
  const auto vm = find(host, uuid, Operation::Domain);
  if (!vm) return fail(vm.error());
  return view(hosts_.at(host), **vm);
}

}  // namespace vnic::test
