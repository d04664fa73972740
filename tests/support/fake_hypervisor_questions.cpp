// SPDX-License-Identifier: Apache-2.0
// What hosts answer to a preflight.
#include <fmt/format.h>

#include "domain/domain_xml.h"
#include "hypervisor/error_code.h"
#include "support/fake_hypervisor.h"
#include "support/fake_hypervisor_errors.h"

namespace vnic::test {

using hypervisor::MoveAnswer;
using hypervisor::MoveProbe;

namespace {

Error notRunning() {
  return libvirtError(hypervisor::kOperationInvalid,
                      "Requested operation is not valid: domain is not running");
}

}  // namespace

void FakeHypervisor::setNegotiated(const std::string& uuid, bool negotiated) {
  const std::lock_guard lock(mutex_);
  withoutFailover_[uuid] = !negotiated;
}

hypervisor::MoveObstacles& FakeHypervisor::obstacles(const std::string& uuid) {
  return obstacles_[uuid];
}

void FakeHypervisor::setUnsafeStorage(const std::string& uuid, bool unsafe) {
  const std::lock_guard lock(mutex_);
  unsafeStorage_[uuid] = unsafe;
}

hypervisor::Suitability& FakeHypervisor::suitabilityOf(const std::string& host) {
  return hosts_.at(host).suitability;
}

Result<hypervisor::MoveObstacles> FakeHypervisor::moveObstacles(const std::string& host,
                                                                const std::string& uuid) {
  const std::lock_guard lock(mutex_);
  const auto vm = find(host, uuid, Operation::Question);
  if (!vm) return fail(vm.error());
  if ((*vm)->liveXml.empty()) return fail(notRunning());
  hypervisor::MoveObstacles result = obstacles_[uuid];
  result.otherJob = result.otherJob || (*vm)->job;
  // QEMU names every VF that it could not move; that of a pair is taken out by itself.
  const auto description = domain::parseDomain((*vm)->liveXml);
  if (!description) return fail(description.error());
  for (const auto& nic : description->hostdevs) {
    if (nic.teaming) continue;
    result.qemuBlockers.push_back(
        fmt::format("{}: VFIO migration is not supported in kernel", nic.source.str()));
  }
  return result;
}

Result<MoveProbe> FakeHypervisor::probeMove(const std::string& host, const std::string& uuid,
                                            const std::string& peerURI) {
  const std::lock_guard lock(mutex_);
  const auto obstacles = moveObstacles(host, uuid);
  if (!obstacles) return fail(obstacles.error());
  if (obstacles->otherJob) return MoveProbe{MoveAnswer::Unchecked, "another job is running"};
  if (!obstacles->qemuBlockers.empty()) {
    return MoveProbe{MoveAnswer::Blocked,
                     "cannot migrate domain: " + obstacles->qemuBlockers.front()};
  }
  if (unsafeStorage_[uuid]) {
    return MoveProbe{MoveAnswer::UnsafeStorage,
                     "Unsafe migration: Migration without shared storage is unsafe"};
  }
  if (peer(peerURI) == nullptr) {
    return MoveProbe{MoveAnswer::PeerRefused, unreachable(peerURI).message};
  }
  return MoveProbe{MoveAnswer::Willing, ""};
}

Result<hypervisor::Suitability> FakeHypervisor::suitability(const std::string& host,
                                                            const hypervisor::GuestNeeds&) {
  const std::lock_guard lock(mutex_);
  const auto reached = reach(host, Operation::Question);
  if (!reached) return fail(reached.error());
  return (*reached)->suitability;
}

Result<std::set<std::string>> FakeHypervisor::guestDevices(const std::string& host,
                                                           const std::string& uuid) {
  const std::lock_guard lock(mutex_);
  const auto vm = find(host, uuid, Operation::Question);
  if (!vm) return fail(vm.error());
  if ((*vm)->liveXml.empty()) return fail(notRunning());
  const auto description = domain::parseDomain((*vm)->liveXml);
  if (!description) return fail(description.error());
  std::set<std::string> ids;
  for (const auto& nic : description->virtualNics) ids.insert(nic.alias);
  for (const auto& nic : description->hostdevs) {
    if (!nic.teaming || !withoutFailover_[uuid]) ids.insert(nic.alias);
  }
  return ids;
}

}  // namespace vnic::test
