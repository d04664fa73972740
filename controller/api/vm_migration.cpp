// SPDX-License-Identifier: Apache-2.0
#include "api/vm_migration.h"

#include "api/decode.h"
#include "api/names.h"

namespace vnic::api {
namespace {

void readPolicy(FieldReader& reader, MigrationPolicy& policy) {
  reader.read("networkOutage", policy.networkOutage);
  reader.read("unplugTimeoutSeconds", policy.unplugTimeoutSeconds);
  reader.read("attachTimeoutSeconds", policy.attachTimeoutSeconds);
  reader.read("completionTimeoutSecondsPerGiB", policy.completionTimeoutSecondsPerGiB);
  reader.read("progressTimeoutSeconds", policy.progressTimeoutSeconds);
  reader.read("maxDowntimeMilliseconds", policy.maxDowntimeMilliseconds);
  reader.read("bandwidthMiBPerSecond", policy.bandwidthMiBPerSecond);
  reader.read("autoConverge", policy.autoConverge);
  reader.read("maxAttempts", policy.maxAttempts);
}

void readMigrationSpec(FieldReader& reader, VmMigrationSpec& spec) {
  reader.read("vmName", spec.vmName);
  reader.read("targetHostName", spec.targetHostName);
  reader.read("mode", spec.mode);
  reader.read("cancel", spec.cancel);
  reader.read("priority", spec.priority);
  FieldReader policy = reader.object("policy");
  readPolicy(policy, spec.policy);
  reader.read("ttlSecondsAfterFinished", spec.ttlSecondsAfterFinished);
}

void readNic(FieldReader& reader, NicMigrationStatus& nic) {
  reader.read("vnic", nic.vnic);
  reader.read("mac", nic.mac);
  reader.read("profile", nic.profile);
  reader.read("sourceVf", nic.sourceVf);
  reader.read("targetVf", nic.targetVf);
  reader.read("state", nic.state);
  reader.read("detachedAt", nic.detachedAt);
  reader.read("attachedAt", nic.attachedAt);
  reader.read("withoutVfMilliseconds", nic.withoutVfMilliseconds);
  reader.read("outageMilliseconds", nic.outageMilliseconds);
  reader.read("message", nic.message);
}

void readProgress(FieldReader& reader, MigrationProgress& progress) {
  reader.read("percent", progress.percent);
  reader.read("dataTotalBytes", progress.dataTotalBytes);
  reader.read("dataProcessedBytes", progress.dataProcessedBytes);
  reader.read("dataRemainingBytes", progress.dataRemainingBytes);
  reader.read("iteration", progress.iteration);
}

void readAttempt(FieldReader& reader, MigrationAttempt& attempt) {
  reader.read("number", attempt.number);
  reader.read("direction", attempt.direction);
  reader.read("copyRequestedAt", attempt.copyRequestedAt);
  reader.read("restoreAutostart", attempt.restoreAutostart);
  reader.read("reason", attempt.reason);
  reader.read("message", attempt.message);
}

void readPreflight(FieldReader& reader, PreflightReport& report) {
  reader.read("reasons", report.reasons);
  reader.read("warnings", report.warnings);
  reader.list("hosts", report.hosts, [](FieldReader& item, HostPreflight& host) {
    item.read("name", host.name);
    item.read("fits", host.fits);
    item.read("reasons", host.reasons);
    item.read("warnings", host.warnings);
    item.list("devices", host.devices, [](FieldReader& plan, DevicePreflight& device) {
      plan.read("mac", device.mac);
      plan.read("vnic", device.vnic);
      plan.read("physicalFunction", device.physicalFunction);
      plan.read("virtualFunction", device.virtualFunction);
      plan.read("guestAddress", device.guestAddress);
    });
  });
}

void readMigrationStatus(FieldReader& reader, VmMigrationStatus& status) {
  reader.read("phase", status.phase);
  reader.read("sourceHost", status.sourceHost);
  reader.read("targetHost", status.targetHost);
  reader.read("vmUUID", status.vmUUID);
  reader.list("nics", status.nics, readNic);
  if (FieldReader progress = reader.object("progress"); progress.present()) {
    readProgress(progress, status.progress.emplace());
  }
  reader.read("downtimeMilliseconds", status.downtimeMilliseconds);
  reader.list("phaseTimestamps", status.phaseTimestamps,
              [](FieldReader& item, PhaseTimestamp& timestamp) {
                item.read("phase", timestamp.phase);
                item.read("startedAt", timestamp.startedAt);
              });
  reader.read("attempts", status.attempts);
  reader.read("failedTargets", status.failedTargets);
  if (FieldReader attempt = reader.object("attempt"); attempt.present()) {
    readAttempt(attempt, status.attempt.emplace());
  }
  if (FieldReader preflight = reader.object("preflight"); preflight.present()) {
    readPreflight(preflight, status.preflight.emplace());
  }
  if (FieldReader queue = reader.object("queue"); queue.present()) {
    QueueStatus& target = status.queue.emplace();
    queue.read("position", target.position);
    queue.read("reason", target.reason);
  }
}

}  // namespace

bool VmMigration::finished() const {
  return metadata.annotations.count(kFinishedAnnotation) != 0;
}

Result<VmMigration> VmMigration::decode(simdjson::dom::element object) {
  return decodeObject<VmMigration>(object, readMigrationSpec, readMigrationStatus);
}

}  // namespace vnic::api
