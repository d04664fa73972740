// SPDX-License-Identifier: Apache-2.0
// The checks that judge what hosts answered when they were asked about this VM.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "reconcile/vm_migration/preflight_checks.h"

namespace vnic::reconcile::vm_migration {
namespace {

using Violations = std::vector<Violation>;

// QEMU blocks a VM for the sake of a VF without standby, as long as it is in the guest.
bool isAboutOurVf(const Observation& o, const std::string& blocker) {
  return std::any_of(o.nics.begin(), o.nics.end(), [&](const Nic& nic) {
    return nic.onSource && nic.device.standbyAlias.empty() &&
           blocker.find(nic.onSource->str()) != std::string::npos;
  });
}

void checkObstacles(const Observation& o, const hypervisor::MoveObstacles& obstacles,
                    Violations& out) {
  const std::string& vm = o.migration->spec.vmName;
  if (obstacles.snapshots > 0) {
    out.push_back({"HasSnapshots",
                   fmt::format("{0} has {1} snapshots, with which libvirt moves no VM; virsh "
                               "snapshot-delete {0} NAME (with --metadata the disks stay as they "
                               "are)",
                               vm, obstacles.snapshots)});
  }
  if (obstacles.checkpoints > 0) {
    out.push_back({"HasCheckpoints",
                   fmt::format("{0} has {1} checkpoints, with which libvirt moves no VM; virsh "
                               "checkpoint-delete {0} NAME",
                               vm, obstacles.checkpoints)});
  }
  if (!obstacles.blockJobs.empty()) {
    out.push_back({"BlockJob",
                   fmt::format("a block job is at work on {}; wait for it, or virsh blockjob {} "
                               "DISK --abort",
                               fmt::join(obstacles.blockJobs, ", "), vm),
                   true});
  }
  if (obstacles.otherJob) {
    out.push_back(
        {"VmBusy", fmt::format("libvirt is at work on {} (virsh domjobinfo {})", vm, vm), true});
  }
  for (const std::string& blocker : obstacles.qemuBlockers) {
    if (!isAboutOurVf(o, blocker)) out.push_back({"MigrationBlocked", "QEMU: " + blocker});
  }
}

// libvirt locks all of a guest's memory for a VF, up to the limit that the definition sets.
void checkMemoryLimit(const Observation& o, const domain::GuestRequirements& requirements,
                      Violations& out) {
  const auto& limit = requirements.memoryLimitKiB;
  if (o.nics.empty() || !limit || *limit >= requirements.memoryKiB) return;
  out.push_back({"MemoryLimitTooLow",
                 fmt::format("<memtune><hard_limit> of {} MiB is less than the guest's {} MiB, all "
                             "of which is locked for a VF; raise it or take it out",
                             *limit / 1024, requirements.memoryKiB / 1024)});
}

// QEMU keeps the VF of a pair back until the guest's driver has taken the standby as one, so a VF
// that the guest can see is the evidence.
void checkNegotiated(const Observation& o, VmVerdict& verdict) {
  const auto& visible = o.examination->guestDevices;
  for (const Nic& nic : o.nics) {
    if (nic.device.standbyAlias.empty() || (visible && visible->contains(nic.device.alias))) {
      continue;
    }
    const std::string reason = visible ? "StandbyNotNegotiated" : "StandbyUnknown";
    const std::string message =
        visible ? fmt::format(
                      "the guest has not taken NIC {} as a failover pair (no driver with "
                      "failover, or it still boots): it does not see the VF",
                      nic.mac)
                : fmt::format(
                      "whether the guest has taken NIC {} as a failover pair cannot be "
                      "asked",
                      nic.mac);
    if (o.migration->spec.policy.networkOutage == "Forbid") {
      verdict.violations.push_back({reason, message, true});
    } else {
      verdict.warnings.push_back({reason, message});
    }
  }
}

std::string localDisks(const Observation& o) {
  std::string text;
  if (!o.examination->requirements) return text;
  for (const domain::Disk& disk : o.examination->requirements->localDisks) {
    if (disk.readOnly) continue;
    text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", disk.target, disk.source);
  }
  return text;
}

void checkSuitability(const Observation& o, const hypervisor::Suitability& suitability,
                      HostVerdict& verdict) {
  if (!suitability.machineProblem.empty()) {
    verdict.violations.push_back({"MachineNotSupported", suitability.machineProblem});
  }
  if (!suitability.cpuProblem.empty()) {
    verdict.violations.push_back({"CpuIncompatible", suitability.cpuProblem});
  }
  const domain::GuestRequirements& needs = *o.examination->requirements;
  if (needs.host.cpuXml.empty() && !needs.cpuMode.empty()) {
    verdict.warnings.push_back(
        {"CpuUnchecked", fmt::format("CPU mode {} cannot be compared; the hosts must have the same "
                                     "CPU and microcode",
                                     needs.cpuMode)});
  }
  const auto& available = suitability.availableMemoryKiB;
  if (o.nics.empty() || needs.hugepages || !available || *available >= needs.memoryKiB) return;
  verdict.violations.push_back(
      {"NotEnoughMemory", fmt::format("{} MiB are free, the guest's {} MiB are all locked for a VF",
                                      *available / 1024, needs.memoryKiB / 1024)});
}

void checkProbe(const Observation& o, const hypervisor::MoveProbe& probe, HostVerdict& verdict) {
  using hypervisor::MoveAnswer;
  switch (probe.answer) {
    case MoveAnswer::Willing:
      return;
    case MoveAnswer::Blocked:
      if (isAboutOurVf(o, probe.message)) {
        // Says so before anything else, and the VF goes out first.
        const std::string disks = localDisks(o);
        verdict.warnings.push_back(
            {"MoveUnchecked",
             fmt::format("libvirt cannot be asked beforehand while a VF without failover is in the "
                         "guest: whether it reaches the host{}",
                         disks.empty() ? "" : ", and whether these disks are shared: " + disks)});
        return;
      }
      verdict.violations.push_back({"MigrationBlocked", probe.message});
      return;
    case MoveAnswer::UnsafeStorage:
      verdict.violations.push_back(
          {"StorageNotShared",
           fmt::format("{} would have to be copied, which is not done; put disks on shared or "
                       "network storage ({})",
                       localDisks(o), probe.message)});
      return;
    case MoveAnswer::PeerRefused:
      verdict.violations.push_back({"PeerUnreachable", probe.message});
      return;
    case MoveAnswer::Unchecked:
      verdict.violations.push_back({"VmBusy", probe.message, true});
      return;
  }
}

}  // namespace

void checkVmAnswers(const Observation& o, VmVerdict& verdict) {
  if (!o.examination) return;
  const VmExamination& answers = *o.examination;
  if (!answers.unanswered.empty()) {
    verdict.violations.push_back(
        {"HostUnknown", "the VM's host was asked and did not answer: " + answers.unanswered, true});
  }
  if (answers.obstacles) {
    checkObstacles(o, *answers.obstacles, verdict.violations);
    if (!answers.obstacles->unasked.empty()) {
      verdict.warnings.push_back(
          {"BlockersUnknown",
           "QEMU could not be asked what blocks a migration: " + answers.obstacles->unasked});
    }
  }
  if (answers.requirements) {
    checkMemoryLimit(o, *answers.requirements, verdict.violations);
    checkNegotiated(o, verdict);
  }
}

void checkHostAnswers(const Observation& o, HostVerdict& verdict) {
  const auto& answers = verdict.candidate->examination;
  if (!answers) return;
  if (!answers->unanswered.empty()) {
    verdict.violations.push_back({"HostUnknown", "no answer: " + answers->unanswered, true});
  }
  if (answers->suitability) checkSuitability(o, *answers->suitability, verdict);
  if (answers->probe) checkProbe(o, *answers->probe, verdict);
}

}  // namespace vnic::reconcile::vm_migration
