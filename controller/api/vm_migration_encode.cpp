// SPDX-License-Identifier: Apache-2.0
#include "api/encode.h"
#include "api/vm_migration.h"

namespace vnic::api {
namespace {

nlohmann::json toJson(const MigrationPolicy& policy) {
  nlohmann::json json{{"networkOutage", policy.networkOutage},
                      {"unplugTimeoutSeconds", policy.unplugTimeoutSeconds},
                      {"attachTimeoutSeconds", policy.attachTimeoutSeconds},
                      {"completionTimeoutSecondsPerGiB", policy.completionTimeoutSecondsPerGiB},
                      {"progressTimeoutSeconds", policy.progressTimeoutSeconds},
                      {"maxDowntimeMilliseconds", policy.maxDowntimeMilliseconds},
                      {"autoConverge", policy.autoConverge},
                      {"maxAttempts", policy.maxAttempts}};
  put(json, "bandwidthMiBPerSecond", policy.bandwidthMiBPerSecond);
  return json;
}

nlohmann::json toJson(const NicMigrationStatus& nic) {
  nlohmann::json json = nlohmann::json::object();
  put(json, "vnic", nic.vnic);
  put(json, "mac", nic.mac);
  put(json, "profile", nic.profile);
  put(json, "sourceVf", nic.sourceVf);
  put(json, "targetVf", nic.targetVf);
  put(json, "state", nic.state);
  put(json, "detachedAt", nic.detachedAt);
  put(json, "attachedAt", nic.attachedAt);
  put(json, "withoutVfMilliseconds", nic.withoutVfMilliseconds);
  put(json, "outageMilliseconds", nic.outageMilliseconds);
  put(json, "message", nic.message);
  return json;
}

nlohmann::json toJson(const MigrationProgress& progress) {
  return {{"percent", progress.percent},
          {"dataTotalBytes", progress.dataTotalBytes},
          {"dataProcessedBytes", progress.dataProcessedBytes},
          {"dataRemainingBytes", progress.dataRemainingBytes},
          {"iteration", progress.iteration}};
}

nlohmann::json toJson(const MigrationAttempt& attempt) {
  nlohmann::json json{{"number", attempt.number},
                      {"direction", attempt.direction},
                      {"restoreAutostart", attempt.restoreAutostart}};
  put(json, "copyRequestedAt", attempt.copyRequestedAt);
  put(json, "reason", attempt.reason);
  put(json, "message", attempt.message);
  return json;
}

nlohmann::json toJson(const PreflightReport& report) {
  nlohmann::json json = nlohmann::json::object();
  put(json, "reasons", report.reasons);
  put(json, "warnings", report.warnings);
  putList(json, "hosts", report.hosts, [](const HostPreflight& host) {
    nlohmann::json item{{"name", host.name}, {"fits", host.fits}};
    put(item, "reasons", host.reasons);
    put(item, "warnings", host.warnings);
    putList(item, "devices", host.devices, [](const DevicePreflight& device) {
      nlohmann::json plan{{"mac", device.mac}, {"virtualFunction", device.virtualFunction}};
      put(plan, "vnic", device.vnic);
      put(plan, "physicalFunction", device.physicalFunction);
      put(plan, "guestAddress", device.guestAddress);
      return plan;
    });
    return item;
  });
  return json;
}

}  // namespace

nlohmann::json toJson(const VmMigrationSpec& spec) {
  nlohmann::json json{{"vmName", spec.vmName},
                      {"mode", spec.mode},
                      {"cancel", spec.cancel},
                      {"priority", spec.priority},
                      {"policy", toJson(spec.policy)}};
  put(json, "targetHostName", spec.targetHostName);
  put(json, "ttlSecondsAfterFinished", spec.ttlSecondsAfterFinished);
  return json;
}

nlohmann::json toJson(const VmMigrationStatus& status) {
  nlohmann::json json{{"observedGeneration", status.observedGeneration},
                      {"conditions", toJson(status.conditions)},
                      {"attempts", status.attempts}};
  put(json, "phase", status.phase);
  put(json, "sourceHost", status.sourceHost);
  put(json, "targetHost", status.targetHost);
  put(json, "vmUUID", status.vmUUID);
  putList(json, "nics", status.nics, [](const NicMigrationStatus& nic) { return toJson(nic); });
  if (status.progress) json["progress"] = toJson(*status.progress);
  put(json, "downtimeMilliseconds", status.downtimeMilliseconds);
  putList(json, "phaseTimestamps", status.phaseTimestamps, [](const PhaseTimestamp& timestamp) {
    return nlohmann::json{{"phase", timestamp.phase}, {"startedAt", timestamp.startedAt}};
  });
  put(json, "failedTargets", status.failedTargets);
  if (status.attempt) json["attempt"] = toJson(*status.attempt);
  if (status.preflight) json["preflight"] = toJson(*status.preflight);
  if (status.queue) {
    json["queue"] = {{"position", status.queue->position}};
    put(json["queue"], "reason", status.queue->reason);
  }
  return json;
}

}  // namespace vnic::api
