// SPDX-License-Identifier: Apache-2.0
// The one table of names that other programs and people may rely on.
#pragma once

namespace vnic::api {

inline constexpr char kGroup[] = "vnic.dev";
inline constexpr char kFieldManager[] = "vnic-operator";
inline constexpr char kAgentFieldManager[] = "vnic-agent";
inline constexpr char kFinalizer[] = "vnic.dev/operator";
inline constexpr char kFinishedAnnotation[] = "vnic.dev/finished";  // value: the end phase
inline constexpr char kPausedAnnotation[] = "vnic.dev/paused";      // "true": reconciled no further
// Of a Node, "true": it is a VmHost.
inline constexpr char kVmHostLabel[] = "vnic.dev/vm-host";
// Of a VmHost that was made for a Node.
inline constexpr char kFromNodeLabel[] = "vnic.dev/from-node";
// Of a VmHost: its availability is NoInbound because its Node is cordoned.
inline constexpr char kCordonedAnnotation[] = "vnic.dev/cordoned";
inline constexpr char kVmMetadataNamespace[] = "https://vnic.dev/libvirt";

namespace condition {
inline constexpr char kReady[] = "Ready";
inline constexpr char kAccepted[] = "Accepted";
inline constexpr char kConnected[] = "Connected";
inline constexpr char kVersionSupported[] = "VersionSupported";
inline constexpr char kNodeReady[] = "NodeReady";
inline constexpr char kAttached[] = "Attached";
inline constexpr char kInSync[] = "InSync";
inline constexpr char kSucceeded[] = "Succeeded";
inline constexpr char kVfsReserved[] = "VfsReserved";
inline constexpr char kVfsDetached[] = "VfsDetached";
inline constexpr char kMigrated[] = "Migrated";
inline constexpr char kVfsAttached[] = "VfsAttached";
// Of a VfReservation, by the node agent.
inline constexpr char kStandbyPinned[] = "StandbyPinned";
inline constexpr char kScrubbed[] = "Scrubbed";
inline constexpr char kQuarantined[] = "Quarantined";
// kstatus reads these two; present only while True.
inline constexpr char kReconciling[] = "Reconciling";
inline constexpr char kStalled[] = "Stalled";
}  // namespace condition

// Purposes of a VfReservation.
namespace purpose {
inline constexpr char kInUse[] = "InUse";
inline constexpr char kReturn[] = "Return";
inline constexpr char kTarget[] = "Target";
inline constexpr char kReleasing[] = "Releasing";
}  // namespace purpose

}  // namespace vnic::api
