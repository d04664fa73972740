// SPDX-License-Identifier: Apache-2.0
// What a caller sees of migrations, and what it may do to them.
#include <fmt/format.h>

#include <algorithm>

#include "hypervisor/error_code.h"
#include "support/fake_hypervisor.h"
#include "support/fake_hypervisor_errors.h"

namespace vnic::test {
namespace {

using hypervisor::DomainState;

constexpr std::int64_t kTotalBytes = 256 << 20;

}  // namespace

std::optional<hypervisor::MigrationOutcome> FakeHypervisor::migrationOutcome(
    const std::string& host, const std::string& uuid) {
  const std::lock_guard lock(mutex_);
  const auto known = outcomes_.find({caller_, host, uuid});
  if (known == outcomes_.end()) return std::nullopt;
  if (known->second.running) advance(host, uuid);
  return outcomes_.at({caller_, host, uuid});
}

void FakeHypervisor::forgetMigration(const std::string& host, const std::string& uuid) {
  const std::lock_guard lock(mutex_);
  outcomes_.erase({caller_, host, uuid});
}

Result<hypervisor::JobProgress> FakeHypervisor::jobProgress(const std::string& host,
                                                            const std::string& uuid) {
  const std::lock_guard lock(mutex_);
  if (const auto first = find(host, uuid, Operation::JobProgress); !first) {
    return fail(first.error());
  }
  hypervisor::JobProgress progress;
  advance(host, uuid);
  const auto found = hosts_.at(host).vms.find(uuid);
  if (found == hosts_.at(host).vms.end()) {
    return fail(libvirtError(hypervisor::kNoDomain, "no domain with matching uuid"));
  }
  const Vm& vm = found->second;
  if (vm.incoming) {
    // Only the source knows of the job (84/10).
    return fail(libvirtError(hypervisor::kOperationUnsupported,
                             "migration statistics are available only on the source host"));
  }
  progress.downtimeMilliseconds = vm.completedDowntime;
  if (vm.job) {
    progress.active = true;
    progress.iteration = vm.job->polls;
    progress.dataTotalBytes = kTotalBytes;
    progress.dataProcessedBytes = byHand
                                      ? kTotalBytes * vm.job->copied / 100
                                      : kTotalBytes * vm.job->polls / std::max(1, migrationPolls);
    progress.dataRemainingBytes = kTotalBytes - progress.dataProcessedBytes;
  }
  return progress;
}

Status FakeHypervisor::abortJob(const std::string& host, const std::string& uuid) {
  const std::lock_guard lock(mutex_);
  const auto found = find(host, uuid, Operation::AbortJob);
  if (!found) return fail(found.error());
  calls_.push_back(fmt::format("abort {} {}", host, (*found)->name));
  if ((*found)->job && !(*found)->job->aborted) {
    (*found)->job->aborted = true;  // takes effect a moment later
    ++changes_;
  }
  return {};
}

Status FakeHypervisor::setMaxDowntime(const std::string& host, const std::string& uuid,
                                      std::int64_t milliseconds) {
  const std::lock_guard lock(mutex_);
  const auto found = find(host, uuid, Operation::JobProgress);
  if (!found) return fail(found.error());
  calls_.push_back(fmt::format("max-downtime {} {} {}", host, (*found)->name, milliseconds));
  return {};
}

Result<hypervisor::PeerProbe> FakeHypervisor::probePeer(const std::string& host,
                                                        const std::string& peerURI) {
  const std::lock_guard lock(mutex_);
  const auto reached = reach(host, Operation::Snapshot);
  if (!reached) return fail(reached.error());
  const auto& vms = (*reached)->vms;
  const bool any = std::any_of(vms.begin(), vms.end(), [](const auto& entry) {
    return entry.second.state == DomainState::Running;
  });
  if (!any) return hypervisor::PeerProbe{};
  if (peer(peerURI)) return hypervisor::PeerProbe{hypervisor::PeerAccess::Reached, ""};
  return hypervisor::PeerProbe{hypervisor::PeerAccess::Refused, unreachable(peerURI).message};
}

}  // namespace vnic::test
