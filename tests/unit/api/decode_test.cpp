// SPDX-License-Identifier: Apache-2.0
#include "api/decode.h"

#include <gtest/gtest.h>

#include "api/node.h"
#include "api/vf_reservation.h"
#include "api/vm_host.h"
#include "api/vm_migration.h"
#include "api/vnic.h"
#include "api/vnic_profile.h"
#include "unit/api/json_text.h"

namespace vnic::api {
namespace {

TEST(DecodeMeta, ReadsWhatTheServerWrites) {
  simdjson::dom::parser parser;
  const auto meta = decodeMeta(parser.parse(std::string(R"({"metadata": {
    "name": "db-1", "namespace": "team-a", "uid": "u-1", "resourceVersion": "42", "generation": 3,
    "creationTimestamp": "2026-01-01T00:00:00Z", "deletionTimestamp": "2026-01-02T00:00:00Z",
    "labels": {"a": "b"}, "annotations": {"vnic.dev/finished": "Succeeded"},
    "finalizers": ["vnic.dev/operator"], "managedFields": [{"manager": "kubectl"}]}})")));
  ASSERT_TRUE(meta) << meta.error().message;
  EXPECT_EQ(meta->key().str(), "team-a/db-1");
  EXPECT_EQ(meta->uid, "u-1");
  EXPECT_EQ(meta->resourceVersion, "42");
  EXPECT_EQ(meta->generation, 3);
  EXPECT_TRUE(meta->deleting());
  EXPECT_TRUE(meta->hasFinalizer("vnic.dev/operator"));
  EXPECT_FALSE(meta->hasFinalizer("vnic.dev"));
  EXPECT_EQ(meta->labels.at("a"), "b");
  EXPECT_EQ(meta->annotations.at("vnic.dev/finished"), "Succeeded");
}

// The defaults are those of the CRDs, so that an object that was stored without them reads the
// same.
TEST(Decode, GivesDefaultsForWhatIsAbsentOrNull) {
  const auto profile = decodeParts<VnicProfile>({{"network", "blue"}, {"failover", nullptr}}, {});
  ASSERT_TRUE(profile) << profile.error().message;
  EXPECT_FALSE(profile->spec.passthrough);
  EXPECT_TRUE(profile->spec.migratable);
  EXPECT_EQ(profile->spec.failover, "");
  EXPECT_EQ(profile->spec.allowedNamespaces.from, "All");
  EXPECT_EQ(profile->status.observedGeneration, -1);

  const auto host = decodeParts<VmHost>({{"libvirtURI", "qemu:///system"}}, {});
  ASSERT_TRUE(host) << host.error().message;
  EXPECT_EQ(host->spec.availability, "Enabled");
  EXPECT_EQ(host->spec.limits.inboundMigrations, 2);

  const auto migration = decodeParts<VmMigration>({{"vmName", "db"}}, {});
  ASSERT_TRUE(migration) << migration.error().message;
  EXPECT_EQ(migration->spec.mode, "Run");
  EXPECT_EQ(migration->spec.policy.attachTimeoutSeconds, 120);
  EXPECT_FALSE(migration->spec.policy.bandwidthMiBPerSecond);
  EXPECT_FALSE(migration->status.attempt);
  EXPECT_FALSE(migration->finished());

  const auto vnic = decodeParts<Vnic>({{"vmName", "db"}, {"profile", {{"name", "blue"}}}}, {});
  ASSERT_TRUE(vnic) << vnic.error().message;
  EXPECT_EQ(vnic->spec.desiredState, "Attached");
  EXPECT_EQ(vnic->spec.deletionPolicy, "Retain");
  EXPECT_EQ(vnic->spec.profile, "blue");

  const auto reservation = decodeParts<VfReservation>({{"hostName", "host1"}}, {});
  ASSERT_TRUE(reservation) << reservation.error().message;
  EXPECT_EQ(reservation->spec.purpose, "InUse");
  EXPECT_TRUE(reservation->spec.device.managed);
  EXPECT_FALSE(reservation->spec.migration);
}

TEST(Decode, IgnoresFieldsOfALaterVersion) {
  EXPECT_TRUE(decodeParts<Vnic>({{"vmName", "db"}, {"queues", 4}}, {{"agent", {{"seen", true}}}}));
}

struct WrongType {
  const char* text;
  const char* message;
};

template <class T>
void expectInvalid(std::initializer_list<WrongType> cases) {
  for (const WrongType& wrong : cases) {
    const auto object = decodeText<T>(wrong.text);
    ASSERT_FALSE(object) << wrong.text;
    EXPECT_EQ(object.error().kind, ErrorKind::Invalid);
    EXPECT_EQ(object.error().message, wrong.message);
  }
}

TEST(Decode, NamesTheFieldThatHasAWrongType) {
  expectInvalid<VmMigration>({
      {R"({"metadata":{"name":"m","namespace":"n"},"spec":{"vmName":7}})",
       "VmMigration n/m: spec.vmName: must be a string"},
      {R"({"metadata":{"name":"m","namespace":"n"},"spec":{"policy":{"maxAttempts":"3"}}})",
       "VmMigration n/m: spec.policy.maxAttempts: must be a 32-bit integer"},
      {R"({"metadata":{"name":"m","namespace":"n"},"spec":{"priority":4294967296}})",
       "VmMigration n/m: spec.priority: must be a 32-bit integer"},
      {R"({"metadata":{"name":"m","namespace":"n"},"spec":{"cancel":"yes"}})",
       "VmMigration n/m: spec.cancel: must be true or false"},
      {R"({"metadata":{"name":"m","namespace":"n"},"status":{"nics":[{"vnic":"a"},{"mac":1}]}})",
       "VmMigration n/m: status.nics[1].mac: must be a string"},
      {R"({"metadata":{"name":"m","namespace":"n"},"status":{"nics":{}}})",
       "VmMigration n/m: status.nics: must be a list"},
      {R"({"metadata":{"name":"m","namespace":"n"},"status":{"downtimeMilliseconds":1.5}})",
       "VmMigration n/m: status.downtimeMilliseconds: must be an integer"},
  });
  expectInvalid<VnicProfile>({
      {R"({"metadata":{"name":"p"},"spec":{"failover":"blue"}})",
       "VnicProfile p: spec.failover: must be an object"},
      {R"({"metadata":{"name":"p"},"spec":{"allowedNamespaces":{"selector":{"matchLabels":{"a":1}}}}})",
       "VnicProfile p: spec.allowedNamespaces.selector.matchLabels: must be a map of strings"},
      {R"({"metadata":{"name":"p"},"status":{"vnics":["a",2]}})",
       "VnicProfile p: status.vnics: must be a list of strings"},
      {R"({"metadata":{"name":"p"},"status":{"conditions":["Ready"]}})",
       "VnicProfile p: status.conditions[0]: must be an object"},
  });
  expectInvalid<VnicProfile>(
      {{R"({"spec":{}})", "metadata.name: must be set"}, {R"([])", "must be an object"}});
}

TEST(Node, ReadsWhatConcernsAHost) {
  const auto node = decodeText<Node>(R"({"metadata": {"name": "node1"},
    "spec": {"unschedulable": true},
    "status": {"conditions": [{"type": "MemoryPressure", "status": "False"},
                              {"type": "Ready", "status": "True"}],
               "addresses": [{"type": "Hostname", "address": "node1"},
                             {"type": "InternalIP", "address": "192.0.2.1"},
                             {"type": "InternalIP", "address": "2001:db8::1"}]}})");
  ASSERT_TRUE(node) << node.error().message;
  EXPECT_TRUE(node->cordoned);
  EXPECT_EQ(node->ready, ConditionStatus::True);
  EXPECT_EQ(node->internalIP, "192.0.2.1");

  const auto young = decodeText<Node>(R"({"metadata": {"name": "node2"}, "spec": {}})");
  ASSERT_TRUE(young) << young.error().message;
  EXPECT_FALSE(young->cordoned);
  EXPECT_EQ(young->ready, ConditionStatus::Unknown);
}

TEST(VfReservation, IsNamedByHostAndAddress) {
  EXPECT_EQ(VfReservation::nameFor("host2", "0000:01:10.4"), "host2.0000-01-10.4");
  EXPECT_EQ(VfReservation::nameFor("rack-1.host2", "0000:01:10.4"), "rack-1.host2.0000-01-10.4");
}

TEST(VmMigration, IsFinishedByItsAnnotationAlone) {
  const auto migration = decodeText<VmMigration>(R"({"metadata": {"name": "m",
    "annotations": {"vnic.dev/finished": "Failed"}}, "spec": {"vmName": "db"}})");
  ASSERT_TRUE(migration);
  EXPECT_TRUE(migration->finished());
  EXPECT_FALSE(decodeParts<VmMigration>({}, {{"phase", "Succeeded"}})->finished());
}

}  // namespace
}  // namespace vnic::api
