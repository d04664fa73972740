// SPDX-License-Identifier: Apache-2.0
// The C++ types and the CRDs name the same fields: the API server takes an object with every field
// set, under strict validation, and gives all of it back.
#include <gtest/gtest.h>
#include <simdjson.h>

#include <nlohmann/json.hpp>

#include "api/vf_reservation.h"
#include "api/vm_host.h"
#include "api/vm_migration.h"
#include "api/vnic.h"
#include "api/vnic_profile.h"
#include "conformance/crd/shared_control_plane.h"

namespace vnic::test {
namespace {

const api::Conditions kConditions{
    {"Ready", api::ConditionStatus::Unknown, 1, "2026-01-01T00:00:00Z", "Waiting", "For a VF"}};

template <class T, class Spec, class Status>
void expectRoundTrip(const std::string& name, const Spec& spec, const Status& status) {
  const ControlPlane& controlPlane = sharedControlPlane();
  nlohmann::json object{{"apiVersion", "vnic.dev/v1alpha1"},
                        {"kind", T::resource.kind},
                        {"metadata", {{"name", name}}},
                        {"spec", api::toJson(spec)}};
  const CommandResult created =
      controlPlane.kubectl({"create", "--validate=strict", "-f", "-"}, object.dump());
  ASSERT_TRUE(created.ok()) << created.err;
  object.erase("spec");
  object["status"] = api::toJson(status);
  const CommandResult applied = controlPlane.kubectl(
      {"apply", "--server-side", "--subresource=status", "--validate=strict", "-f", "-"},
      object.dump());
  ASSERT_TRUE(applied.ok()) << applied.err;

  const CommandResult got =
      controlPlane.kubectl({"get", std::string(T::resource.plural), name, "-o", "json"});
  simdjson::dom::parser parser;
  simdjson::dom::element element;
  ASSERT_EQ(parser.parse(got.out).get(element), simdjson::SUCCESS) << got.err;
  const auto decoded = T::decode(element);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(decoded->spec, spec) << api::toJson(decoded->spec) << "\n" << api::toJson(spec);
  EXPECT_EQ(decoded->status, status) << api::toJson(decoded->status) << "\n" << api::toJson(status);
}

TEST(ApiTypes, VnicProfile) {
  api::VnicProfileSpec spec;
  spec.network = "blue";
  spec.passthrough = true;
  spec.failover = "blue-standby";
  spec.vlan = 120;
  spec.mtu = 9000;
  spec.allowedNamespaces = {"Selector", {{"team", "a"}}};
  expectRoundTrip<api::VnicProfile>(
      "every-field", spec,
      api::VnicProfileStatus{1, kConditions, 2, {"a/x"}, {"red"}, {{"host1", 4}}});
  api::VnicProfileSpec virtio;
  virtio.network = "blue";
  virtio.bridge = "br0";
  virtio.networkFilter = "clean-traffic";
  expectRoundTrip<api::VnicProfile>("every-virtio-field", virtio, api::VnicProfileStatus{});
}

TEST(ApiTypes, Vnic) {
  expectRoundTrip<api::Vnic>(
      "every-field", api::VnicSpec{"db", "blue", "52:54:00:00:00:01", "Detached", "Detach"},
      api::VnicStatus{1, kConditions, "host1", "0000:01:10.4", "0000:03:00.0", "52:54:00:00:00:01",
                      "ua-standby", "True", "2026-01-01T00:00:00Z"});
}

TEST(ApiTypes, VmHost) {
  api::VmHostSpec spec;
  spec.libvirtURI = "qemu+tls://host1/system";
  spec.peerURI = "qemu+tls://host1.mgmt/system";
  spec.migrationAddress = "10.0.0.1";
  spec.nodeName = "node-1";
  spec.physicalFunctions = {{"enp1s0", {"blue", "red"}}, {"0000:02:00.0", {"*"}}};
  spec.availability = "NoInbound";
  spec.limits = {1, 7};
  api::VmHostStatus status;
  status.observedGeneration = 1;
  status.conditions = kConditions;
  status.libvirtVersion = "11.3.0";
  status.qemuVersion = "10.0.2";
  status.vmCount = 1;
  status.virtualMachines = {{"team-a", "db", "uuid", "Running", true, "why"}};
  status.virtualFunctions = {4, 1, 1, 1, 1};
  status.physicalFunctions = {
      {"enp1s0", "0000:01:00.0", true, {"blue"}, {{"0000:01:10.0", "InUse", "vm db"}}}};
  expectRoundTrip<api::VmHost>("every-field", spec, status);
}

TEST(ApiTypes, VmMigration) {
  api::VmMigrationSpec spec;
  spec.vmName = "db";
  spec.targetHostName = "host2";
  spec.mode = "DryRun";
  spec.cancel = true;
  spec.priority = -5;
  spec.policy = {"Forbid", 1, 2, 3, 4, 5, 6, true, 7};
  spec.ttlSecondsAfterFinished = 0;
  api::VmMigrationStatus status;
  status.observedGeneration = 1;
  status.conditions = kConditions;
  status.phase = "Migrating";
  status.sourceHost = "host1";
  status.targetHost = "host2";
  status.vmUUID = "uuid";
  status.nics = {{"db-blue", "52:54:00:00:00:01", "blue", "0000:01:10.0", "0000:02:10.0",
                  "Detached", "2026-01-01T00:00:00.000001Z", "2026-01-01T00:00:09.000001Z", 9000,
                  80, "text"}};
  status.progress = api::MigrationProgress{50, 1LL << 40, 1LL << 39, 1LL << 39, 2};
  status.downtimeMilliseconds = 120;
  status.phaseTimestamps = {{"Pending", "2026-01-01T00:00:00.000000Z"}};
  status.attempts = 2;
  status.failedTargets = {"host3"};
  status.attempt =
      api::MigrationAttempt{2, "Back", "2026-01-01T00:00:00.000000Z", true, "Timeout", "m"};
  status.preflight = api::PreflightReport{
      {"VmNotRunning: no"},
      {{"host2",
        false,
        {"NoFreeVf: none"},
        {"CpuUnchecked: mode"},
        {{"52:54:00:cc:00:01", "db-1", "enp1s0", "0000:01:10.0", "0000:03:00.0"}}}},
      {"NetworkOutage: dark"}};
  status.queue = api::QueueStatus{1, "CapReached"};
  expectRoundTrip<api::VmMigration>("every-field", spec, status);
}

TEST(ApiTypes, VfReservation) {
  api::VfReservationSpec spec;
  spec.hostName = "host9";
  spec.address = "0000:01:10.4";
  spec.holder = {"team-a", "db-blue", "u1"};
  spec.purpose = "Target";
  spec.migration = api::ObjectReference{"team-a", "move", "u2"};
  spec.vmUUID = "uuid";
  spec.device = {"52:54:00:00:00:01", "ua-1", "ua-1-standby", "0000:03:00.0", 120, false,
                 "0000:01:10.2"};
  expectRoundTrip<api::VfReservation>(api::VfReservation::nameFor("host9", "0000:01:10.4"), spec,
                                      api::VfReservationStatus{1, kConditions});
}

}  // namespace
}  // namespace vnic::test
