// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <simdjson.h>
#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

#include "api/condition.h"
#include "api/meta.h"
#include "support/error.h"

namespace vnic::api {

struct MigrationPolicy {
  std::string networkOutage = "Allow";  // Allow | Forbid
  int unplugTimeoutSeconds = 30;
  int attachTimeoutSeconds = 120;
  int completionTimeoutSecondsPerGiB = 150;
  int progressTimeoutSeconds = 150;
  int maxDowntimeMilliseconds = 300;
  std::optional<int> bandwidthMiBPerSecond;
  bool autoConverge = false;
  int maxAttempts = 3;  // all attempts together
  bool operator==(const MigrationPolicy&) const = default;
};

struct VmMigrationSpec {
  std::string vmName;
  std::string targetHostName;  // "" = the operator chooses
  std::string mode = "Run";    // Run | DryRun
  bool cancel = false;
  int priority = 0;
  MigrationPolicy policy;
  std::optional<int> ttlSecondsAfterFinished;
  bool operator==(const VmMigrationSpec&) const = default;
};

struct NicMigrationStatus {
  std::string vnic;  // name of the Vnic, in the migration's namespace
  std::string mac;
  std::string profile;
  std::string sourceVf;
  std::string targetVf;
  std::string state;       // Attached | Detaching | Detached | Attaching | Missing
  std::string detachedAt;  // MicroTime
  std::string attachedAt;  // MicroTime
  std::optional<std::int64_t> withoutVfMilliseconds;
  std::optional<std::int64_t> outageMilliseconds;  // only where something measured it
  std::string message;
  bool operator==(const NicMigrationStatus&) const = default;
};

struct MigrationProgress {
  int percent = 0;
  std::int64_t dataTotalBytes = 0;
  std::int64_t dataProcessedBytes = 0;
  std::int64_t dataRemainingBytes = 0;
  int iteration = 0;
  bool operator==(const MigrationProgress&) const = default;
};

struct PhaseTimestamp {
  std::string phase;
  std::string startedAt;  // MicroTime
  bool operator==(const PhaseTimestamp&) const = default;
};

// What would become of one passthrough NIC on a host.
struct DevicePreflight {
  std::string mac;
  std::string vnic;
  std::string physicalFunction;  // netdev, else PCI address
  std::string virtualFunction;   // PCI address on that host
  std::string guestAddress;      // PCI address in the guest, as before
  bool operator==(const DevicePreflight&) const = default;
};

struct HostPreflight {
  std::string name;
  bool fits = false;
  std::vector<std::string> reasons;           // "Reason: message", all of them
  std::vector<std::string> warnings = {};     // "Reason: message"
  std::vector<DevicePreflight> devices = {};  // of a host that fits
  bool operator==(const HostPreflight&) const = default;
};

struct PreflightReport {
  std::vector<std::string> reasons;        // what speaks against moving this VM at all
  std::vector<HostPreflight> hosts;        // at most 500
  std::vector<std::string> warnings = {};  // what is allowed, and may surprise
  bool operator==(const PreflightReport&) const = default;
};

// The decisions of the attempt that runs now; stored before they are acted on, so that a new
// operator process goes on in the same direction.
struct MigrationAttempt {
  int number = 0;
  std::string direction = "Forward";  // Forward | Back (VFs return to the source)
  std::string copyRequestedAt;        // MicroTime; set before libvirt is asked to migrate
  bool restoreAutostart = false;      // the VM had autostart on where it came from
  std::string reason;                 // why it goes back
  std::string message;
  bool operator==(const MigrationAttempt&) const = default;
};

struct QueueStatus {
  int position = 0;  // 1 = next
  std::string reason;
  bool operator==(const QueueStatus&) const = default;
};

struct VmMigrationStatus {
  std::int64_t observedGeneration = -1;
  Conditions conditions;  // Ready, Succeeded, VfsReserved, VfsDetached, Migrated, VfsAttached
  std::string
      phase;  // Pending Reserving Detaching Migrating Attaching Succeeded Degraded Failed Cancelled
  std::string sourceHost;
  std::string targetHost;
  std::string vmUUID;
  std::vector<NicMigrationStatus> nics;
  std::optional<MigrationProgress> progress;
  std::optional<std::int64_t> downtimeMilliseconds;  // the VM's pause, from libvirt
  std::vector<PhaseTimestamp> phaseTimestamps;
  int attempts = 0;
  std::vector<std::string> failedTargets;  // the next attempt prefers others
  std::optional<MigrationAttempt> attempt;
  std::optional<PreflightReport> preflight;
  std::optional<QueueStatus> queue;
  bool operator==(const VmMigrationStatus&) const = default;
};

struct VmMigration {
  static constexpr ResourceType resource{"vnic.dev", "v1alpha1", "vmmigrations", "VmMigration",
                                         true};
  ObjectMeta metadata;
  VmMigrationSpec spec;
  VmMigrationStatus status;

  bool finished() const;  // the annotation vnic.dev/finished is set
  static Result<VmMigration> decode(simdjson::dom::element object);
};

nlohmann::json toJson(const VmMigrationSpec& spec);
nlohmann::json toJson(const VmMigrationStatus& status);

}  // namespace vnic::api
