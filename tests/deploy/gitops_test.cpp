// SPDX-License-Identifier: Apache-2.0
// Objects that a GitOps tool keeps applying, while the real operator works on the same objects: who
// owns which field, what pruning meets, and that what has finished does not begin again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>

#include "deploy/operator_process.h"
#include "support/eventually.h"

namespace vnic::test {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kPatience = std::chrono::seconds(60);

constexpr char kProfiles[] = R"(
apiVersion: vnic.dev/v1alpha1
kind: VnicProfile
metadata: {name: blue}
spec: {network: blue, passthrough: true, failover: {name: blue-standby}}
---
apiVersion: vnic.dev/v1alpha1
kind: VnicProfile
metadata: {name: blue-standby}
spec: {network: blue, passthrough: false}
)";

constexpr char kVnic[] = R"(
apiVersion: vnic.dev/v1alpha1
kind: Vnic
metadata: {name: db-1-blue, namespace: default}
spec: {vmName: db-1, profile: {name: blue}}
)";

class GitOps : public ::testing::Test {
 protected:
  CommandResult kubectl(const std::vector<std::string>& arguments, std::string_view input = {}) {
    return cluster_.kubectl(arguments, input);
  }

  // As Flux does: server-side, as a manager of its own, every few minutes the same.
  void sync(std::string_view manifests) {
    const CommandResult result =
        kubectl({"apply", "--server-side", "--field-manager=flux", "-f", "-"}, manifests);
    ASSERT_TRUE(result.ok()) << result.err;
  }

  json get(const std::string& kind, const std::string& name) {
    const CommandResult result =
        kubectl({"get", kind, name, "-n", "default", "-o", "json", "--show-managed-fields"});
    return result.ok() ? json::parse(result.out) : json();
  }

  // The object, once it is as wanted.
  json await(const std::string& kind, const std::string& name,
             const std::function<bool(const json&)>& wanted) {
    json object;
    const auto asWanted = [&] { return wanted(object = get(kind, name)); };
    if (eventually(kPatience, asWanted, std::chrono::milliseconds(100))) return object;
    ADD_FAILURE() << kind << "/" << name << " stays as it is: " << object.dump(2) << "\n"
                  << operator_.log();
    return object;
  }

  ControlPlane cluster_;
  OperatorProcess operator_{cluster_};
};

json condition(const json& object, const std::string& type) {
  if (!object.contains("status")) return json::object();
  for (const json& c : object["status"].value("conditions", json::array())) {
    if (c["type"] == type) return c;
  }
  return json::object();
}

std::string ready(const json& object, const char* field) {
  return condition(object, "Ready").value(field, "");
}

bool seen(const json& object) {
  return object.contains("status") &&
         object["status"].value("observedGeneration", -1) == object["metadata"]["generation"];
}

// The fields of `manager`, of the object itself or of its status.
std::vector<std::string> ownedBy(const json& object, const std::string& manager,
                                 const std::string& under) {
  std::vector<std::string> fields;
  for (const json& entry : object["metadata"]["managedFields"]) {
    if (entry["manager"] != manager || !entry["fieldsV1"].contains(under)) continue;
    for (const auto& [name, unused] : entry["fieldsV1"][under].items()) fields.push_back(name);
  }
  return fields;
}

TEST_F(GitOps, EachOwnsItsFields) {
  sync(kProfiles);
  sync(kVnic);
  const auto guarded = [](const json& object) {
    return seen(object) && object["metadata"].contains("finalizers");
  };
  const json profile = await("vnp", "blue", guarded);
  EXPECT_THAT(ownedBy(profile, "vnic-operator", "f:spec"), IsEmpty());
  EXPECT_THAT(ownedBy(profile, "flux", "f:status"), IsEmpty());

  // The next sync takes nothing of the operator's away, and changes nothing.
  sync(kProfiles);
  const json after = get("vnp", "blue");
  EXPECT_EQ(after["metadata"]["finalizers"], profile["metadata"]["finalizers"]);
  EXPECT_EQ(after["status"], profile["status"]);
  EXPECT_EQ(after["metadata"]["generation"], profile["metadata"]["generation"]);

  // A change in Git arrives, and the operator says that it has seen it.
  sync(R"(
apiVersion: vnic.dev/v1alpha1
kind: VnicProfile
metadata: {name: blue}
spec: {network: blue, passthrough: true, failover: {name: blue-standby}, mtu: 9000}
)");
  const json changed = await("vnp", "blue", [&](const json& object) {
    return seen(object) && object["metadata"]["generation"] != profile["metadata"]["generation"];
  });
  EXPECT_EQ(changed["spec"]["mtu"], 9000);
  EXPECT_EQ(changed["metadata"]["finalizers"], profile["metadata"]["finalizers"]);
}

// Pruning deletes in no order that suits us: profiles before the Vnics that use them.
TEST_F(GitOps, PruningWaitsForUsersAndSaysForWhom) {
  sync(kProfiles);
  sync(kVnic);
  await("vnp", "blue",
        [](const json& o) { return seen(o) && o["status"].value("vnicCount", 0) == 1; });
  await("vnp", "blue-standby",
        [](const json& o) { return seen(o) && o["metadata"].contains("finalizers"); });

  ASSERT_TRUE(kubectl({"delete", "vnp", "blue-standby", "blue", "--wait=false"}).ok());
  const json profile = await("vnp", "blue", [](const json& object) {
    return ready(object, "message").find("default/db-1-blue") != std::string::npos;
  });
  EXPECT_EQ(ready(profile, "status"), "False");
  const json standby = await("vnp", "blue-standby", [](const json& object) {
    return ready(object, "message").find("blue") != std::string::npos;
  });
  EXPECT_TRUE(standby["metadata"].contains("deletionTimestamp"));
  const CommandResult judged = runCommand({deployTool("kstatus")}, profile.dump());
  EXPECT_THAT(judged.out, HasSubstr("VnicProfile blue Terminating"));

  // With the last user the profiles go, one after the other.
  ASSERT_TRUE(kubectl({"delete", "vnic", "db-1-blue", "-n", "default", "--wait=false"}).ok());
  for (const char* name : {"blue", "blue-standby"}) {
    await("vnp", name, [](const json& object) { return object.is_null(); });
  }
}

constexpr char kMigration[] = R"(
apiVersion: vnic.dev/v1alpha1
kind: VmMigration
metadata: {name: move, namespace: default}
spec: {vmName: db-1}
)";

bool finished(const json& object) {
  return seen(object) && object["metadata"].contains("annotations") &&
         object["metadata"]["annotations"].contains("vnic.dev/finished");
}

TEST_F(GitOps, AFinishedMigrationNeverRunsAgain) {
  sync(kMigration);
  const json first = await("vmm", "move", finished);
  EXPECT_EQ(first["status"]["phase"], "Failed");
  // Git applies it again, and a force that takes every field changes nothing either.
  sync(kMigration);
  ASSERT_TRUE(kubectl({"apply", "--server-side", "--force-conflicts",
                       "--field-manager=argocd-controller", "-f", "-"},
                      kMigration)
                  .ok());
  const json again = get("vmm", "move");
  EXPECT_EQ(again["status"], first["status"]);
  EXPECT_EQ(again["metadata"]["annotations"], first["metadata"]["annotations"]);

  // Restored from a back-up, which has no status: the annotation tells that it has run.
  ASSERT_TRUE(kubectl({"delete", "vmm", "move", "-n", "default"}).ok());
  json restored = json::parse(R"({"apiVersion":"vnic.dev/v1alpha1","kind":"VmMigration",
    "metadata":{"name":"move","namespace":"default"},"spec":{"vmName":"db-1"}})");
  restored["metadata"]["annotations"]["vnic.dev/finished"] = "Succeeded";
  ASSERT_TRUE(kubectl({"create", "-f", "-"}, restored.dump()).ok());
  const json kept = await("vmm", "move", seen);
  EXPECT_EQ(kept["status"].value("phase", ""), "Succeeded") << kept.dump(2);
}

// Also where the API server refuses the operator: then there is most to say.
TEST_F(GitOps, TheTokenIsInNoLogAndInNoObject) {
  sync(kProfiles);
  await("vnp", "blue", seen);
  const std::string token =
      readFile(cluster_.operatorKubeconfig().parent_path() / "operator.token");
  ASSERT_GE(token.size(), 20u);
  ASSERT_TRUE(kubectl({"delete", "clusterrolebinding", "vnic-operator"}).ok());
  cluster_.restartApiServer();
  const auto refused = [&] { return operator_.log().find("forbidden") != std::string::npos; };
  EXPECT_TRUE(eventually(kPatience, refused)) << operator_.log();
  EXPECT_EQ(operator_.log().find(token), std::string::npos);
  const CommandResult objects = kubectl({"get", "vnic-operator,events,leases", "-A", "-o", "yaml"});
  EXPECT_EQ(objects.out.find(token), std::string::npos);
}

}  // namespace
}  // namespace vnic::test
