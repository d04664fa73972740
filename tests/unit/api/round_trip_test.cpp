// SPDX-License-Identifier: Apache-2.0
// Every field, written and read again, is the same; a kind with nothing set writes no null.
#include <gtest/gtest.h>

#include <algorithm>

#include "api/vf_reservation.h"
#include "api/vm_host.h"
#include "api/vm_migration.h"
#include "api/vnic.h"
#include "api/vnic_profile.h"
#include "unit/api/json_text.h"

namespace vnic::api {
namespace {

const Conditions kConditions{
    {"Ready", ConditionStatus::True, 2, "2026-01-01T00:00:00Z", "Fine", "All is well"},
    {"InSync", ConditionStatus::False, 2, "2026-01-01T00:00:01Z", "Old", ""},
    {"Attached", ConditionStatus::Unknown, 2, "2026-01-01T00:00:02Z", "HostUnknown", "?"}};

bool hasNull(const nlohmann::json& json) {
  if (json.is_null()) return true;
  if (!json.is_structured()) return false;
  return std::any_of(json.begin(), json.end(), hasNull);
}

template <class T, class Spec, class Status>
void expectRoundTrip(const Spec& spec, const Status& status) {
  const auto object = decodeParts<T>(toJson(spec), toJson(status));
  ASSERT_TRUE(object) << object.error().message;
  EXPECT_EQ(object->spec, spec) << toJson(object->spec) << "\n" << toJson(spec);
  EXPECT_EQ(object->status, status) << toJson(object->status) << "\n" << toJson(status);
  EXPECT_FALSE(hasNull(toJson(spec)));
  EXPECT_FALSE(hasNull(toJson(status)));
}

TEST(RoundTrip, VnicProfile) {
  VnicProfileSpec spec;
  spec.network = "blue";
  spec.passthrough = true;
  spec.migratable = false;
  spec.failover = "blue-standby";
  spec.bridge = "br0";
  spec.vlan = 120;
  spec.mtu = 9000;
  spec.networkFilter = "clean-traffic";
  spec.allowedNamespaces = {"Selector", {{"team", "a"}}};
  VnicProfileStatus status{
      3, kConditions, 2, {"a/x", "a/y"}, {"red"}, {{"host1", 4}, {"host2", 0}}};
  expectRoundTrip<VnicProfile>(spec, status);
  expectRoundTrip<VnicProfile>(VnicProfileSpec{}, VnicProfileStatus{});
}

TEST(RoundTrip, Vnic) {
  VnicSpec spec{"db", "blue", "52:54:00:00:00:01", "Detached", "Detach"};
  VnicStatus status{1,     kConditions,  "host1", "0000:01:10.4",        "0000:03:00.0",
                    "mac", "ua-standby", "True",  "2026-01-01T00:00:00Z"};
  expectRoundTrip<Vnic>(spec, status);
  expectRoundTrip<Vnic>(VnicSpec{}, VnicStatus{});
}

TEST(RoundTrip, VmHost) {
  VmHostSpec spec;
  spec.libvirtURI = "qemu+tls://host1/system";
  spec.peerURI = "qemu+tls://host1.mgmt/system";
  spec.migrationAddress = "10.0.0.1";
  spec.nodeName = "node-1";
  spec.physicalFunctions = {{"enp1s0", {"blue", "red"}}, {"0000:02:00.0", {"*"}}};
  spec.availability = "NoInbound";
  spec.limits = {1, 7};
  VmHostStatus status;
  status.observedGeneration = 4;
  status.conditions = kConditions;
  status.libvirtVersion = "11.3.0";
  status.qemuVersion = "10.0.2";
  status.vmCount = 1;
  status.virtualMachines = {{"team-a", "db", "uuid", "Running", true, "why"}};
  status.virtualFunctions = {4, 1, 1, 1, 1};
  status.physicalFunctions = {
      {"enp1s0", "0000:01:00.0", true, {"blue"}, {{"0000:01:10.0", "InUse", "vm db"}}}};
  expectRoundTrip<VmHost>(spec, status);
  expectRoundTrip<VmHost>(VmHostSpec{}, VmHostStatus{});
}

TEST(RoundTrip, VmMigration) {
  VmMigrationSpec spec;
  spec.vmName = "db";
  spec.targetHostName = "host2";
  spec.mode = "DryRun";
  spec.cancel = true;
  spec.priority = -5;
  spec.policy = {"Forbid", 1, 2, 3, 4, 5, 6, true, 7};
  spec.ttlSecondsAfterFinished = 0;
  VmMigrationStatus status;
  status.observedGeneration = 1;
  status.conditions = kConditions;
  status.phase = "Migrating";
  status.sourceHost = "host1";
  status.targetHost = "host2";
  status.vmUUID = "uuid";
  status.nics = {{"db-blue", "mac", "blue", "0000:01:10.0", "0000:02:10.0", "Detached",
                  "2026-01-01T00:00:00.000001Z", "2026-01-01T00:00:09.000001Z", 9000, 80, "text"},
                 {}};
  status.progress = MigrationProgress{50, 1LL << 40, 1LL << 39, 1LL << 39, 2};
  status.downtimeMilliseconds = 120;
  status.phaseTimestamps = {{"Pending", "2026-01-01T00:00:00.000000Z"}};
  status.attempts = 2;
  status.failedTargets = {"host3"};
  status.attempt = MigrationAttempt{2, "Back", "2026-01-01T00:00:00.000000Z", true, "Timeout", "m"};
  status.preflight =
      PreflightReport{{"VmNotRunning: no"},
                      {{"host2",
                        false,
                        {"NoFreeVf: none"},
                        {"CpuUnchecked: mode"},
                        {{"52:54:00:cc:00:01", "db-1", "enp1s0", "0000:01:10.0", "0000:03:00.0"}}}},
                      {"NetworkOutage: dark"}};
  status.queue = QueueStatus{1, "CapReached"};
  expectRoundTrip<VmMigration>(spec, status);
  expectRoundTrip<VmMigration>(VmMigrationSpec{}, VmMigrationStatus{});
}

TEST(RoundTrip, VfReservation) {
  VfReservationSpec spec;
  spec.hostName = "host1";
  spec.address = "0000:01:10.4";
  spec.holder = {"team-a", "db-blue", "u1"};
  spec.purpose = "Target";
  spec.migration = ObjectReference{"team-a", "move", "u2"};
  spec.vmUUID = "uuid";
  spec.device = {"52:54:00:00:00:01", "ua-1", "ua-1-standby", "0000:03:00.0", 120, false,
                 "0000:01:10.2"};
  expectRoundTrip<VfReservation>(spec, VfReservationStatus{2, kConditions});
  expectRoundTrip<VfReservation>(VfReservationSpec{}, VfReservationStatus{});
}

}  // namespace
}  // namespace vnic::api
