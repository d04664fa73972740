// SPDX-License-Identifier: Apache-2.0
// Migrations by hand, and what breaks hosts. Seen with libvirt 11.3 and QEMU 10.0 on two SR-IOV
// hosts; each function says what was seen.
#include <algorithm>

#include "domain/domain_xml.h"
#include "hypervisor/error_code.h"
#include "support/fake_hypervisor.h"
#include "support/fake_hypervisor_errors.h"

namespace vnic::test {

using hypervisor::DomainState;
using hypervisor::PausedReason;

Error canceledByClient() {
  return libvirtError(hypervisor::kOperationAborted,
                      "operation aborted: migration out job: canceled by client");
}
Error peerLost() {
  return libvirtError(hypervisor::kInternalError, "internal error: client socket is closed");
}
Error callerLost() {
  return libvirtError(hypervisor::kSystemError, "End of file while reading data");
}
Error targetQemuDied() {
  return libvirtError(hypervisor::kOperationFailed,
                      "job 'migration out' failed: Unable to read from socket: Connection reset "
                      "by peer");
}
Error sourceQemuDied() {
  return libvirtError(hypervisor::kOperationFailed, "operation failed: domain is not running");
}

void FakeHypervisor::actAs(int caller) {
  const std::lock_guard lock(mutex_);
  caller_ = caller;
}

int FakeHypervisor::jobOf(const std::string& uuid) const {
  const std::lock_guard lock(mutex_);
  const auto [host, vm] = const_cast<FakeHypervisor*>(this)->migrating(uuid);
  return vm ? vm->job->number : 0;
}

std::string FakeHypervisor::sourceOfJob(const std::string& uuid) const {
  const std::lock_guard lock(mutex_);
  return const_cast<FakeHypervisor*>(this)->migrating(uuid).first;
}

std::string FakeHypervisor::targetOfJob(const std::string& uuid) const {
  const std::lock_guard lock(mutex_);
  const auto [host, vm] = const_cast<FakeHypervisor*>(this)->migrating(uuid);
  return vm ? vm->job->target : "";
}

void FakeHypervisor::setCopied(const std::string& uuid, int percent) {
  const std::lock_guard lock(mutex_);
  if (const auto [host, vm] = migrating(uuid); vm) vm->job->copied = percent;
}

// Source: SUSPENDED; the target's RESUMED follows 0.25 to 1.6 s later.
void FakeHypervisor::suspendSource(const std::string& uuid) {
  const std::lock_guard lock(mutex_);
  const auto [host, vm] = migrating(uuid);
  if (!vm) return;
  vm->job->suspended = true;
  vm->state = DomainState::Paused;
  vm->pausedReason = PausedReason::Migration;
  notify(host, uuid, "suspended");
}

bool FakeHypervisor::suspended(const std::string& uuid) const {
  const std::lock_guard lock(mutex_);
  const auto [host, vm] = const_cast<FakeHypervisor*>(this)->migrating(uuid);
  return vm && vm->job->suspended;
}

// The source's daemon restarted near the end of a copy: the restart waits until the migration is
// through, the caller gets (38/7) early, and yet it succeeds. The same when the caller's connection
// breaks: peer-to-peer migrations do not need it.
void FakeHypervisor::loseCaller(const std::string& uuid) {
  const std::lock_guard lock(mutex_);
  if (const auto [host, vm] = migrating(uuid); vm) setOutcome(*vm->job, host, uuid, callerLost());
}

// SIGSTOP and SIGCONT of the target's daemon around the switch-over, 2 of 2: the source is resumed
// 27 s after it was suspended, the caller gets (1/7), and the daemon, once it goes on, executes the
// Finish that waits in its socket: both guests run. Stopped earlier in the copy, it finds the
// connection closed and destroys the incoming domain.
void FakeHypervisor::setHung(const std::string& host, bool hung) {
  const std::lock_guard lock(mutex_);
  Host& it = hosts_.at(host);
  if (it.hung == hung) return;
  it.hung = hung;
  notify(host, "", hung ? "disconnected" : "connected");
  if (hung) return;
  for (auto& [uuid, vm] : it.vms) {
    if (!vm.finishQueued) continue;
    vm.state = DomainState::Running;
    vm.pausedReason = PausedReason::None;
    vm.persistent = true;
    vm.persistentXml = vm.definition;
    vm.incoming = vm.orphaned = vm.finishQueued = false;
    notify(host, uuid, "resumed");
  }
  dropOrphans(host);
}

bool FakeHypervisor::hung(const std::string& host) const {
  const std::lock_guard lock(mutex_);
  return hosts_.at(host).hung;
}

bool FakeHypervisor::away(const std::string& host) const {
  const std::lock_guard lock(mutex_);
  return hosts_.at(host).away;
}

// kill -9 of a daemon. As the source of a copy: the caller gets (38/7), the source runs on, the
// target is destroyed. As the source of a switch-over: it is left paused (migrating) without a job,
// and a target whose daemon was stopped runs once that goes on. As the target: the caller gets
// (1/7) at once, the source runs, and the target is listed paused (migrating) for some seconds,
// then not at all (dropOrphans).
void FakeHypervisor::restartDaemon(const std::string& host) {
  const std::lock_guard lock(mutex_);
  notify(host, "", "disconnected");
  std::vector<std::string> outgoing;
  for (auto& [uuid, vm] : hosts_.at(host).vms) {
    if (vm.job) outgoing.push_back(uuid);
  }
  for (const std::string& uuid : outgoing) {
    Vm& vm = hosts_.at(host).vms.at(uuid);
    const bool suspended = vm.job->suspended;
    breakOff(host, uuid, callerLost());
    if (suspended) {
      vm.state = DomainState::Paused;
      vm.pausedReason = PausedReason::Migration;
    }
  }
  for (auto& [source, other] : hosts_) {
    std::vector<std::string> coming;
    for (auto& [uuid, vm] : other.vms) {
      if (vm.job && vm.job->target == host) coming.push_back(uuid);
    }
    for (const std::string& uuid : coming) {
      const Vm incoming = hosts_.at(host).vms.at(uuid);
      breakOff(source, uuid, peerLost());
      Vm& again = hosts_.at(host).vms[uuid];
      again = incoming;
      again.orphaned = true;
    }
  }
  notify(host, "", "connected");
}

// Target: (9/10), the source runs after 0.8 s, the target is clean. Source: (9/10), shut off
// (crashed), the definition stays, the target is removed.
void FakeHypervisor::killQemu(const std::string& host, const std::string& uuid) {
  const std::lock_guard lock(mutex_);
  const auto found = hosts_.at(host).vms.find(uuid);
  if (found == hosts_.at(host).vms.end() || found->second.liveXml.empty()) return;
  if (found->second.incoming) {
    if (const auto [source, vm] = migrating(uuid); vm) breakOff(source, uuid, targetQemuDied());
    removeIncoming(host, uuid);
    return;
  }
  stopProcess(host, uuid);
}

void FakeHypervisor::stopProcess(const std::string& host, const std::string& uuid) {
  Vm& vm = hosts_.at(host).vms.at(uuid);
  if (vm.job) breakOff(host, uuid, sourceQemuDied());
  vm.liveXml.clear();
  vm.state = DomainState::ShutOff;
  vm.pausedReason = PausedReason::None;
  vm.unplugRequested.clear();
  vm.incoming = vm.orphaned = vm.finishQueued = false;
  if (!vm.persistent) hosts_.at(host).vms.erase(uuid);
  notify(host, uuid, "stopped");
}

// Its guests end. The daemon of a target notices 27 s later (dropOrphans); so does that of a source
// whose target is gone (failMigration with (1/7)).
void FakeHypervisor::powerOff(const std::string& host) {
  const std::lock_guard lock(mutex_);
  Host& it = hosts_.at(host);
  std::vector<std::string> uuids;
  for (const auto& [uuid, vm] : it.vms) uuids.push_back(uuid);
  for (const std::string& uuid : uuids) {
    Vm& vm = it.vms.at(uuid);
    if (vm.job) {
      const Job job = *vm.job;
      vm.job.reset();
      setOutcome(job, host, uuid, callerLost());
      const auto incoming = hosts_.at(job.target).vms.find(uuid);
      if (incoming != hosts_.at(job.target).vms.end()) incoming->second.orphaned = true;
    }
    if (vm.incoming) {
      removeIncoming(host, uuid);
    } else if (!vm.liveXml.empty()) {
      stopProcess(host, uuid);
    }
  }
  it.away = true;
  it.hung = false;
  notify(host, "", "disconnected");
}

void FakeHypervisor::powerOn(const std::string& host) {
  const std::lock_guard lock(mutex_);
  Host& it = hosts_.at(host);
  if (!it.away) return;
  it.away = false;
  notify(host, "", "connected");
  std::vector<std::string> toStart;
  for (const auto& [uuid, vm] : it.vms) {
    if (vm.autostart && vm.persistent && vm.liveXml.empty()) toStart.push_back(uuid);
  }
  for (const std::string& uuid : toStart) (void)start(host, uuid);
}

// From the definition, with the VFs that it names; fails as an attach of them would.
Status FakeHypervisor::start(const std::string& host, const std::string& uuid) {
  const std::lock_guard lock(mutex_);
  Host& it = hosts_.at(host);
  const auto found = it.vms.find(uuid);
  if (found == it.vms.end() || found->second.persistentXml.empty()) {
    return fail(libvirtError(hypervisor::kNoDomain, "no domain with matching uuid"));
  }
  Vm& vm = found->second;
  if (!vm.liveXml.empty()) {
    return fail(libvirtError(hypervisor::kOperationInvalid, "domain is already running"));
  }
  const auto description = domain::parseDomain(vm.persistentXml);
  if (!description) return fail(description.error());
  for (const auto& nic : description->hostdevs) {
    const auto xml = domain::vfDeviceXml(domain::planOf(nic), nic.source);
    if (!xml) return fail(xml.error());
    if (const auto allowed = checkAttach(it, Vm{}, *xml); !allowed) return allowed;
  }
  vm.liveXml = vm.persistentXml;
  vm.state = DomainState::Running;
  vm.pausedReason = PausedReason::None;
  notify(host, uuid, "started");
  return {};
}

void FakeHypervisor::dropOrphans(const std::string& host) {
  const std::lock_guard lock(mutex_);
  Host& it = hosts_.at(host);
  if (it.hung || it.away) return;
  std::vector<std::string> orphans;
  for (const auto& [uuid, vm] : it.vms) {
    if (vm.incoming && vm.orphaned) orphans.push_back(uuid);
  }
  for (const std::string& uuid : orphans) removeIncoming(host, uuid);
}

void FakeHypervisor::ejectIfRunning(const std::string& host, const std::string& uuid) {
  const std::lock_guard lock(mutex_);
  const auto& vms = hosts_.at(host).vms;
  const auto found = vms.find(uuid);
  // While a migration runs the device stays: the guest was asked before, and its state is copied.
  if (found == vms.end() || found->second.state != DomainState::Running || found->second.job) {
    return;
  }
  eject(host, uuid);
}

std::vector<std::string> FakeHypervisor::hostNames() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, host] : hosts_) names.push_back(name);
  return names;
}

std::vector<std::string> FakeHypervisor::runsOn(const std::string& uuid) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, host] : hosts_) {
    const auto found = host.vms.find(uuid);
    if (found != host.vms.end() && found->second.state == DomainState::Running) {
      names.push_back(name);
    }
  }
  return names;
}

std::vector<std::pair<std::string, hypervisor::Domain>> FakeHypervisor::everywhere(
    const std::string& uuid) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<std::string, hypervisor::Domain>> all;
  for (const auto& [name, host] : hosts_) {
    const auto found = host.vms.find(uuid);
    if (found != host.vms.end()) all.emplace_back(name, found->second);
  }
  return all;
}

std::vector<std::pair<std::string, hypervisor::Domain>> FakeHypervisor::allDomains() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<std::string, hypervisor::Domain>> all;
  for (const auto& [name, host] : hosts_) {
    for (const auto& [id, vm] : host.vms) all.emplace_back(name, vm);
  }
  return all;
}

}  // namespace vnic::test
