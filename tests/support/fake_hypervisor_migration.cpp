// SPDX-License-Identifier: Apache-2.0
// Migrations: they advance when somebody looks, and go on when the operator forgets them.
#include <fmt/format.h>

#include <algorithm>

#include "domain/domain_xml.h"
#include "hypervisor/error_code.h"
#include "support/fake_hypervisor.h"
#include "support/fake_hypervisor_errors.h"

namespace vnic::test {
namespace {

using hypervisor::DomainState;
using hypervisor::PausedReason;

// The guest's view must be the same on both sides: libvirt compares the definitions.
Status checkSameGuest(const domain::DomainDescription& source,
                      const domain::DomainDescription& target) {
  if (source.name != target.name || source.memoryKiB != target.memoryKiB) {
    return fail(libvirtError(hypervisor::kConfigUnsupported,
                             "Target domain name or memory does not match source"));
  }
  const auto nics = [](const domain::DomainDescription& d) {
    return d.virtualNics.size() + d.passthroughNics().size();
  };
  if (nics(source) != nics(target)) {
    return fail(libvirtError(hypervisor::kConfigUnsupported,
                             fmt::format("Target domain net card count {} does not match source {}",
                                         nics(target), nics(source))));
  }
  if (source.guestAddresses != target.guestAddresses) {
    return fail(libvirtError(hypervisor::kConfigUnsupported,
                             "Target device PCI address does not match source"));
  }
  return {};
}

}  // namespace

std::string FakeHypervisor::hostNameOf(const std::string& peerURI) const {
  for (const auto& [name, host] : hosts_) {
    if (host.uri == peerURI || peerURI.find("//" + name + "/") != peerURI.npos ||
        peerURI.find("//" + name + ".") != peerURI.npos) {
      return name;
    }
  }
  return "";
}

FakeHypervisor::Host* FakeHypervisor::peer(const std::string& peerURI) {
  const std::string name = hostNameOf(peerURI);
  if (name.empty() || hosts_.at(name).away || hosts_.at(name).hung) return nullptr;
  return &hosts_.at(name);
}

Status FakeHypervisor::checkMigration(Host& source, const Vm& vm,
                                      const hypervisor::MigrationRequest& request) {
  const auto now = domain::parseDomain(vm.liveXml);
  // libvirt takes its own live definition when the caller brings none.
  const auto wanted =
      domain::parseDomain(request.destinationXml.empty() ? vm.liveXml : request.destinationXml);
  if (!now || !wanted) return fail(libvirtError(hypervisor::kXmlError, "XML error"));
  Host* target = peer(request.peerURI);
  if (!target) return fail(unreachable(request.peerURI));
  if (target == &source) {
    return fail(libvirtError(hypervisor::kInternalError,
                             "internal error: Attempt to migrate guest to the same host"));
  }
  for (const auto& nic : now->hostdevs) {
    if (!nic.teaming) {
      return fail(libvirtError(hypervisor::kOperationInvalid,
                               fmt::format("cannot migrate domain: {}: VFIO migration is not "
                                           "supported in kernel",
                                           nic.source.str())));
    }
  }
  if (const auto same = checkSameGuest(*now, *wanted); !same) return same;
  for (const auto& nic : wanted->virtualNics) {
    if (nic.network.empty()) continue;
    const auto& networks = target->facts.networks;
    const auto found = std::find_if(networks.begin(), networks.end(),
                                    [&](const auto& n) { return n.name == nic.network; });
    if (found == networks.end()) {
      return fail(
          libvirtError(hypervisor::kNoNetwork, fmt::format("Network not found: {}", nic.network)));
    }
    if (!found->active) {
      return fail(libvirtError(hypervisor::kOperationInvalid,
                               fmt::format("network '{}' is not active", nic.network)));
    }
  }
  for (const auto& [uuid, other] : target->vms) {
    if (other.name == vm.name && uuid != vm.uuid) {
      return fail(
          libvirtError(hypervisor::kOperationFailed,
                       fmt::format("domain '{}' already exists with uuid {}", other.name, uuid)));
    }
    if (uuid == vm.uuid && !other.liveXml.empty()) {
      return fail(libvirtError(hypervisor::kOperationInvalid,
                               fmt::format("domain '{}' is already active", other.name)));
    }
  }
  return {};
}

Status FakeHypervisor::startMigration(const std::string& host,
                                      const hypervisor::MigrationRequest& request) {
  const std::lock_guard lock(mutex_);
  if (const auto reached = reach(host, Operation::StartMigration); !reached) {
    return fail(reached.error());
  }
  const MigrationKey key{caller_, host, request.uuid};
  if (const auto known = outcomes_.find(key); known != outcomes_.end() && known->second.running) {
    return fail(Error{ErrorKind::AlreadyExists, "a migration of this domain is under way"});
  }
  requests_.push_back(request);
  calls_.push_back(fmt::format("migrate {} {} {}", host, request.uuid, request.peerURI));
  Host& source = hosts_.at(host);
  const auto found = source.vms.find(request.uuid);
  // From here on libvirt works in the background: what goes wrong is in the outcome.
  Status allowed;
  if (found == source.vms.end()) {
    allowed = fail(libvirtError(hypervisor::kNoDomain, "no domain with matching uuid"));
  } else if (found->second.job) {
    allowed = fail(libvirtError(hypervisor::kOperationInvalid,
                                "another migration job is already running for domain"));
  } else if (found->second.liveXml.empty()) {
    allowed = fail(libvirtError(hypervisor::kOperationInvalid, "domain is not running"));
  } else {
    allowed = checkMigration(source, found->second, request);
  }
  ++changes_;
  if (!allowed) {
    outcomes_[key] = {false, allowed.error()};
    return {};
  }
  outcomes_[key] = {true, std::nullopt};
  const std::string target = hostNameOf(request.peerURI);
  Job job;
  job.number = ++lastJob_;
  job.caller = caller_;
  job.target = target;
  job.request = request;
  found->second.job = std::move(job);
  Vm incoming;
  incoming.incoming = true;
  incoming.definition =
      request.persistentXml.empty() ? found->second.persistentXml : request.persistentXml;
  incoming.uuid = request.uuid;
  incoming.name = found->second.name;
  incoming.state = DomainState::Paused;
  incoming.pausedReason = PausedReason::Migration;
  incoming.liveXml =
      request.destinationXml.empty() ? found->second.liveXml : request.destinationXml;
  if (const auto old = hosts_.at(target).vms.find(request.uuid);
      old != hosts_.at(target).vms.end()) {
    incoming.persistent = old->second.persistent;  // a definition left over from before
    incoming.persistentXml = old->second.persistentXml;
  }
  hosts_.at(target).vms[request.uuid] = incoming;
  notify(target, request.uuid, "started");
  return {};
}

void FakeHypervisor::advance(const std::string& host, const std::string& uuid) {
  if (byHand) return;
  const auto found = hosts_.at(host).vms.find(uuid);
  if (found == hosts_.at(host).vms.end() || !found->second.job) return;
  Job& job = *found->second.job;
  if (job.aborted) return breakOff(host, uuid, canceledByClient());
  if (hosts_.at(job.target).away) return breakOff(host, uuid, peerLost());
  if (++job.polls >= migrationPolls) complete(host, uuid);
}

void FakeHypervisor::setOutcome(const Job& job, const std::string& host, const std::string& uuid,
                                std::optional<Error> error) {
  const auto known = outcomes_.find({job.caller, host, uuid});
  if (known != outcomes_.end() && known->second.running) known->second = {false, std::move(error)};
}

void FakeHypervisor::complete(const std::string& host, const std::string& uuid) {
  Vm& source = hosts_.at(host).vms.at(uuid);
  const Job job = *source.job;
  Vm& target = hosts_.at(job.target).vms.at(uuid);
  target.state = DomainState::Running;
  target.pausedReason = PausedReason::None;
  target.persistent = true;
  target.persistentXml = target.definition;
  target.completedDowntime = 120;
  target.incoming = false;
  hosts_.at(host).vms.erase(uuid);
  setOutcome(job, host, uuid, std::nullopt);
  notify(job.target, uuid, "resumed");
  notify(host, uuid, "stopped");
}

void FakeHypervisor::removeIncoming(const std::string& host, const std::string& uuid) {
  auto& vms = hosts_.at(host).vms;
  const auto found = vms.find(uuid);
  if (found == vms.end() || !found->second.incoming) return;
  if (found->second.persistent) {
    Vm& vm = found->second;
    vm.liveXml.clear();
    vm.state = DomainState::ShutOff;
    vm.pausedReason = PausedReason::None;
    vm.incoming = vm.orphaned = vm.finishQueued = false;
  } else {
    vms.erase(found);
  }
  notify(host, uuid, "stopped");
}

// The source has given up. A target whose daemon answers destroys its half of the domain; one that
// is stopped does, once it goes on, what it was told last.
void FakeHypervisor::abandonIncoming(const std::string& host, const std::string& uuid,
                                     bool finishQueued) {
  if (!hosts_.at(host).hung) return removeIncoming(host, uuid);
  const auto found = hosts_.at(host).vms.find(uuid);
  if (found == hosts_.at(host).vms.end()) return;
  found->second.orphaned = true;
  found->second.finishQueued = finishQueued;
}

void FakeHypervisor::breakOff(const std::string& host, const std::string& uuid, Error error) {
  Vm& source = hosts_.at(host).vms.at(uuid);
  const Job job = *source.job;
  source.job.reset();
  if (job.suspended && source.state == DomainState::Paused) {
    source.state = DomainState::Running;
    source.pausedReason = PausedReason::None;
  }
  abandonIncoming(job.target, uuid, job.suspended);
  setOutcome(job, host, uuid, std::move(error));
  notify(host, uuid, "migration-failed");
}

std::pair<std::string, FakeHypervisor::Vm*> FakeHypervisor::migrating(const std::string& uuid) {
  for (auto& [name, host] : hosts_) {
    const auto found = host.vms.find(uuid);
    if (found != host.vms.end() && found->second.job) return {name, &found->second};
  }
  return {"", nullptr};
}

void FakeHypervisor::failMigration(const std::string& uuid, Error error) {
  const std::lock_guard lock(mutex_);
  if (const auto [host, vm] = migrating(uuid); vm) breakOff(host, uuid, std::move(error));
}

void FakeHypervisor::finishMigration(const std::string& uuid) {
  const std::lock_guard lock(mutex_);
  if (const auto [host, vm] = migrating(uuid); vm) complete(host, uuid);
}

void FakeHypervisor::forgetOutcomes() {
  const std::lock_guard lock(mutex_);
  outcomes_.clear();
}

std::vector<hypervisor::MigrationRequest> FakeHypervisor::migrationRequests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

}  // namespace vnic::test
