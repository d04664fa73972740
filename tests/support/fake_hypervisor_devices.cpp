// SPDX-License-Identifier: Apache-2.0
// Changes to domains: devices, definitions, life.
#include <fmt/format.h>

#include <algorithm>

#include "domain/domain_xml.h"
#include "hypervisor/error_code.h"
#include "support/fake_domain_xml.h"
#include "support/fake_hypervisor.h"
#include "support/fake_hypervisor_errors.h"

namespace vnic::test {
namespace {

using hypervisor::DeviceScope;
using hypervisor::DomainState;
using hypervisor::PausedReason;

// While a migration runs, changes wait 30 s for the job lock and then fail.
Error lockHeld() {
  return libvirtError(hypervisor::kOperationTimeout,
                      "cannot acquire state change lock (held by "
                      "monitor=remoteDispatchDomainMigratePerform3Params)");
}

Error notRunning() {
  return libvirtError(hypervisor::kOperationInvalid, "domain is not running");
}

Error noPort() {
  return libvirtError(hypervisor::kInternalError, "internal error: No more available PCI slots");
}

bool live(DeviceScope scope) {
  return scope != DeviceScope::Persistent;
}
bool persistent(DeviceScope scope) {
  return scope != DeviceScope::Live;
}

}  // namespace

Status FakeHypervisor::detachDevice(const std::string& host, const std::string& uuid,
                                    const std::string& deviceXml, DeviceScope scope) {
  const std::lock_guard lock(mutex_);
  const auto found = find(host, uuid, Operation::Detach);
  if (!found) return fail(found.error());
  Vm& vm = **found;
  calls_.push_back(fmt::format("detach {} {} {}", host, vm.name, macOfDevice(deviceXml)));
  if (vm.job) return fail(lockHeld());
  if (live(scope) && vm.liveXml.empty()) return fail(notRunning());
  const bool missing = (live(scope) && findDevice(vm.liveXml, deviceXml).empty()) ||
                       (persistent(scope) && findDevice(vm.persistentXml, deviceXml).empty());
  if (missing) {
    return fail(libvirtError(hypervisor::kDeviceMissing,
                             "device not found: no device matching MAC address"));
  }
  if (persistent(scope)) {
    vm.persistentXml = withoutDevice(vm.persistentXml, deviceXml);
    ++changes_;
  }
  if (!live(scope)) return {};
  if (deaf_[uuid] || kept_.contains(macOfDevice(deviceXml)) || vm.state != DomainState::Running) {
    vm.unplugRequested.push_back(deviceXml);  // success all the same
    ++changes_;
    return {};
  }
  vm.liveXml = withoutDevice(vm.liveXml, deviceXml);
  notify(host, uuid, "device-removed");
  return {};
}

Status FakeHypervisor::checkAttach(Host& host, const Vm& vm, const std::string& deviceXml) const {
  const auto names = aliases(vm.liveXml);
  const std::string alias = aliasOfDevice(deviceXml);
  if (!alias.empty() && std::find(names.begin(), names.end(), alias) != names.end()) {
    return fail(libvirtError(
        hypervisor::kConfigUnsupported,
        fmt::format("unsupported configuration: non unique alias detected: {}", alias)));
  }
  const auto description = domain::parseDomain(vm.liveXml);
  const auto guest = PciAddress::parse(guestAddressOfDevice(deviceXml));
  if (guest && description && description->guestAddresses.contains(*guest)) {
    return fail(libvirtError(
        hypervisor::kXmlError,
        fmt::format("XML error: Attempted double use of PCI Address {}", guest->str())));
  }
  const auto vf = PciAddress::parse(sourceVfOfDevice(deviceXml));
  if (!vf && deviceXml.find("type=\"hostdev\"") == std::string::npos &&
      deviceXml.find("type='hostdev'") == std::string::npos) {
    return {};  // a virtual NIC
  }
  const hypervisor::PhysicalFunction* owner = nullptr;
  for (const auto& pf : host.facts.physicalFunctions) {
    for (const auto& candidate : pf.virtualFunctions) {
      if (vf && candidate.address == *vf) owner = &pf;
    }
  }
  if (!owner) {
    return fail(libvirtError(hypervisor::kConfigUnsupported,
                             "unsupported configuration: Interface type hostdev is currently "
                             "supported on SR-IOV Virtual Functions only"));
  }
  if (!owner->linkUp) {
    return fail(libvirtError(
        hypervisor::kInternalError,
        fmt::format("internal error: Unable to configure VF of PF '{}' because the PF is not "
                    "online",
                    owner->netdev)));
  }
  for (const auto& [uuid, other] : host.vms) {
    const auto user = domain::parseDomain(other.liveXml);
    if (!user) continue;
    for (const auto& nic : user->hostdevs) {
      if (nic.source == *vf) {
        return fail(libvirtError(hypervisor::kOperationInvalid,
                                 fmt::format("Requested operation is not valid: PCI device {} is "
                                             "in use by driver QEMU, domain {}",
                                             vf->str(), other.name)));
      }
    }
  }
  return {};
}

Status FakeHypervisor::attachDevice(const std::string& host, const std::string& uuid,
                                    const std::string& deviceXml, DeviceScope scope) {
  const std::lock_guard lock(mutex_);
  const auto found = find(host, uuid, Operation::Attach);
  if (!found) return fail(found.error());
  Vm& vm = **found;
  calls_.push_back(fmt::format("attach {} {} {} {}", host, vm.name, macOfDevice(deviceXml),
                               sourceVfOfDevice(deviceXml)));
  if (vm.job) return fail(lockHeld());
  if (live(scope)) {
    if (vm.liveXml.empty()) return fail(notRunning());
    if (const auto allowed = checkAttach(hosts_.at(host), vm, deviceXml); !allowed) return allowed;
    const std::string plugged = withDevice(vm.liveXml, deviceXml);
    if (plugged.empty()) return fail(noPort());
    vm.liveXml = plugged;
    notify(host, uuid, "device-added");
  }
  if (persistent(scope)) {
    const std::string defined = withDevice(vm.persistentXml, deviceXml);
    if (defined.empty()) return fail(noPort());
    vm.persistentXml = defined;
    ++changes_;
  }
  return {};
}

Status FakeHypervisor::setAutostart(const std::string& host, const std::string& uuid, bool on) {
  const std::lock_guard lock(mutex_);
  const auto found = find(host, uuid, Operation::SetAutostart);
  if (!found) return fail(found.error());
  calls_.push_back(fmt::format("autostart {} {} {}", host, (*found)->name, on ? "on" : "off"));
  if (!(*found)->persistent) {
    return fail(
        libvirtError(hypervisor::kOperationInvalid, "cannot set autostart for transient domain"));
  }
  (*found)->autostart = on;
  ++changes_;
  return {};
}

Status FakeHypervisor::define(const std::string& host, const std::string& xml) {
  const std::lock_guard lock(mutex_);
  const auto reached = reach(host, Operation::Define);
  if (!reached) return fail(reached.error());
  const auto description = domain::parseDomain(xml);
  if (!description) return fail(libvirtError(hypervisor::kXmlError, description.error().message));
  calls_.push_back(fmt::format("define {} {}", host, description->name));
  auto& vms = (*reached)->vms;
  for (const auto& [uuid, vm] : vms) {
    if (vm.name == description->name && uuid != description->uuid) {
      return fail(
          libvirtError(hypervisor::kOperationFailed,
                       fmt::format("domain '{}' already exists with uuid {}", vm.name, uuid)));
    }
  }
  Vm& vm = vms[description->uuid];
  if (vm.uuid.empty()) {
    vm.uuid = description->uuid;
    vm.name = description->name;
    vm.state = DomainState::ShutOff;
  }
  vm.persistent = true;
  vm.persistentXml = xml;
  ++changes_;
  return {};
}

Status FakeHypervisor::resume(const std::string& host, const std::string& uuid) {
  const std::lock_guard lock(mutex_);
  const auto found = find(host, uuid, Operation::Resume);
  if (!found) return fail(found.error());
  Vm& vm = **found;
  calls_.push_back(fmt::format("resume {} {}", host, vm.name));
  if (vm.liveXml.empty()) return fail(notRunning());
  if (vm.job) return fail(lockHeld());
  vm.state = DomainState::Running;
  vm.pausedReason = PausedReason::None;
  notify(host, uuid, "resumed");
  if (!deaf_[uuid]) eject(host, uuid);  // what a paused guest was asked for
  return {};
}

Status FakeHypervisor::destroy(const std::string& host, const std::string& uuid) {
  const std::lock_guard lock(mutex_);
  const auto found = find(host, uuid, Operation::Destroy);
  if (!found) return fail(found.error());
  Vm& vm = **found;
  calls_.push_back(fmt::format("destroy {} {}", host, vm.name));
  if (vm.liveXml.empty()) return fail(notRunning());
  vm.persistent = false;
  vm.persistentXml.clear();
  stopProcess(host, uuid);
  return {};
}

}  // namespace vnic::test
