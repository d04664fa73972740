// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/libvirt/move_questions.h"

#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>

#include <algorithm>
#include <pugixml.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "hypervisor/libvirt/errors.h"
#include "hypervisor/libvirt/host_reading.h"
#include "hypervisor/libvirt/qemu_answers.h"

namespace vnic::hypervisor {
namespace {

Result<std::string> askQemu(virDomainPtr domain, const char* command) {
  char* answer = nullptr;
  if (virDomainQemuMonitorCommand(domain, command, &answer,
                                  VIR_DOMAIN_QEMU_MONITOR_COMMAND_DEFAULT) < 0) {
    return failLast("ask QEMU");
  }
  return take(answer);
}

std::vector<std::string> diskTargets(virDomainPtr domain) {
  const std::string xml = take(virDomainGetXMLDesc(domain, 0));
  pugi::xml_document document;
  document.load_buffer(xml.data(), xml.size());
  std::vector<std::string> targets;
  for (const auto& disk : document.document_element().child("devices").children("disk")) {
    targets.emplace_back(disk.child("target").attribute("dev").value());
  }
  return targets;
}

bool hasBlockJob(virDomainPtr domain, const std::string& disk) {
  virDomainBlockJobInfo info;
  // An error is a disk without a medium, or one that has gone since.
  return virDomainGetBlockJobInfo(domain, disk.c_str(), &info, 0) == 1;
}

int countCheckpoints(virDomainPtr domain) {
  virDomainCheckpointPtr* array = nullptr;
  const int count = virDomainListAllCheckpoints(domain, &array, 0);
  for (int i = 0; i < count; ++i) virDomainCheckpointFree(array[i]);
  std::free(array);
  return std::max(count, 0);  // libvirt before 5.6 has none
}

// "" = the host can run it.
Result<std::string> readMachineProblem(virConnectPtr connection, const GuestNeeds& needs) {
  const std::string capabilities =
      take(virConnectGetDomainCapabilities(connection, nullptr, needs.architecture.c_str(),
                                           needs.machine.c_str(), needs.domainType.c_str(), 0));
  if (!capabilities.empty()) return std::string();
  const Error error = lastError("machine type");
  if (error.code == VIR_ERR_INVALID_ARG || error.code == VIR_ERR_CONFIG_UNSUPPORTED) {
    return error.message;
  }
  return fail(error);
}

Result<std::string> readCpuProblem(virConnectPtr connection, const GuestNeeds& needs) {
  if (needs.cpuXml.empty()) return std::string();
  const int verdict = virConnectCompareHypervisorCPU(
      connection, nullptr, needs.architecture.c_str(), needs.machine.c_str(),
      needs.domainType.c_str(), needs.cpuXml.c_str(), VIR_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE);
  if (verdict == VIR_CPU_COMPARE_IDENTICAL || verdict == VIR_CPU_COMPARE_SUPERSET) {
    return std::string();
  }
  if (verdict == VIR_CPU_COMPARE_INCOMPATIBLE) return std::string("libvirt calls it incompatible");
  const Error error = lastError("CPU");
  if (error.code == VIR_ERR_CPU_INCOMPATIBLE) return error.message;
  return fail(error);
}

std::optional<std::int64_t> readAvailableMemory(virConnectPtr connection) {
  int count = 0;
  if (virNodeGetMemoryStats(connection, VIR_NODE_MEMORY_STATS_ALL_CELLS, nullptr, &count, 0) < 0 ||
      count <= 0) {
    return std::nullopt;
  }
  std::vector<virNodeMemoryStats> stats(static_cast<std::size_t>(count));
  if (virNodeGetMemoryStats(connection, VIR_NODE_MEMORY_STATS_ALL_CELLS, stats.data(), &count, 0) <
      0) {
    return std::nullopt;
  }
  std::int64_t available = 0;
  for (const auto& stat : stats) {
    const std::string_view field = stat.field;
    if (field == VIR_NODE_MEMORY_STATS_FREE || field == VIR_NODE_MEMORY_STATS_BUFFERS ||
        field == VIR_NODE_MEMORY_STATS_CACHED) {
      available += static_cast<std::int64_t>(stat.value);
    }
  }
  return available;
}

}  // namespace

Result<MoveObstacles> readObstacles(virConnectPtr connection, const std::string& uuid) {
  const auto handle = lookUp(connection, uuid);
  if (!handle) return fail(handle.error());
  virDomain* const domain = handle->get();
  MoveObstacles obstacles;
  obstacles.snapshots = virDomainSnapshotNum(domain, 0);
  if (obstacles.snapshots < 0) return failLast("count snapshots");
  obstacles.checkpoints = countCheckpoints(domain);
  for (std::string& disk : diskTargets(domain)) {
    if (hasBlockJob(domain, disk)) obstacles.blockJobs.push_back(std::move(disk));
  }
  virDomainJobInfo job;
  if (virDomainGetJobInfo(domain, &job) < 0) return failLast("read the job");
  obstacles.otherJob = job.type == VIR_DOMAIN_JOB_BOUNDED || job.type == VIR_DOMAIN_JOB_UNBOUNDED;
  const auto answer = askQemu(domain, R"({"execute":"query-migrate"})");
  const auto blockers = answer ? parseBlockedReasons(*answer)
                               : Result<std::vector<std::string>>(fail(answer.error()));
  if (blockers) {
    obstacles.qemuBlockers = *blockers;
  } else {
    obstacles.unasked = blockers.error().message;
  }
  return obstacles;
}

Result<std::set<std::string>> readGuestDevices(virConnectPtr connection, const std::string& uuid) {
  const auto domain = lookUp(connection, uuid);
  if (!domain) return fail(domain.error());
  const auto answer = askQemu(domain->get(), R"({"execute":"query-pci"})");
  if (!answer) return fail(answer.error());
  return parsePciIds(*answer);
}

Result<Suitability> readSuitability(virConnectPtr connection, const GuestNeeds& needs) {
  Suitability suitability;
  const auto machine = readMachineProblem(connection, needs);
  if (!machine) return fail(machine.error());
  suitability.machineProblem = *machine;
  suitability.availableMemoryKiB = readAvailableMemory(connection);
  if (!suitability.machineProblem.empty()) return suitability;
  const auto cpu = readCpuProblem(connection, needs);
  if (!cpu) return fail(cpu.error());
  suitability.cpuProblem = *cpu;
  return suitability;
}

}  // namespace vnic::hypervisor
