// SPDX-License-Identifier: Apache-2.0
// What is shipped beside the CRDs works on the real API server: samples, RBAC, and the ways in
// which people reach the kinds.
#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "conformance/crd/shared_control_plane.h"
#include "support/eventually.h"
#include "support/source_tree.h"

namespace vnic::test {
namespace {

CommandResult kubectl(const std::vector<std::string>& arguments, std::string_view input = {}) {
  return sharedControlPlane().kubectl(arguments, input);
}

TEST(Crds, RefuseAFieldThatTheyDoNotKnow) {
  const CommandResult result = kubectl({"create", "--dry-run=server", "-f", "-"}, R"(
apiVersion: vnic.dev/v1alpha1
kind: VnicProfile
metadata: {name: typo}
spec: {network: blue, passtrough: true})");
  EXPECT_FALSE(result.ok());
  EXPECT_NE(result.err.find("unknown field \"spec.passtrough\""), std::string::npos) << result.err;
}

TEST(Crds, SayEverythingThatIsWrongAtOnce) {
  const CommandResult result = kubectl({"create", "--dry-run=server", "-f", "-"}, R"(
apiVersion: vnic.dev/v1alpha1
kind: VnicProfile
metadata: {name: all-wrong}
spec: {network: blue, migratable: false, failover: {name: all-wrong}, bridge: a/b})");
  for (const char* part :
       {"spec.migratable: Forbidden: ", "spec.failover: Forbidden: may not be set unless `pass",
        "spec.failover: Forbidden: may not be set unless `migr", "spec.failover.name: Invalid",
        "spec.bridge: Invalid"}) {
    EXPECT_NE(result.err.find(part), std::string::npos) << part << "\n" << result.err;
  }
}

TEST(Crds, AreReachedByShortNamesAndCategory) {
  for (const char* name : {"vnp", "vmh", "vmm", "vfr", "vnic", "vnics", "vnic-operator"}) {
    const CommandResult result = kubectl({"get", name});
    EXPECT_TRUE(result.ok()) << name << ": " << result.err;
  }
}

TEST(Crds, AreSelectedByFields) {
  ASSERT_TRUE(kubectl({"create", "namespace", "selected"}).ok());
  ASSERT_TRUE(kubectl({"create", "-n", "selected", "-f", "-"}, R"(
apiVersion: vnic.dev/v1alpha1
kind: Vnic
metadata: {name: a}
spec: {vmName: db-1, profile: {name: blue}}
---
apiVersion: vnic.dev/v1alpha1
kind: Vnic
metadata: {name: b}
spec: {vmName: db-2, profile: {name: blue}}
)")
                  .ok());
  EXPECT_EQ(
      kubectl({"get", "vnics", "-n", "selected", "-o", "name", "--field-selector=spec.vmName=db-2"})
          .out,
      "vnic.vnic.dev/b\n");
}

TEST(Crds, ExplainTheirFields) {
  const CommandResult result = kubectl({"explain", "vmm.spec.policy.networkOutage"});
  EXPECT_NE(result.out.find("refused before anything"), std::string::npos)
      << result.out << result.err;
}

TEST(Samples, ApplyAsTheyAre) {
  const CommandResult first = kubectl({"apply", "-f", sourcePath("deploy/samples")});
  EXPECT_TRUE(first.ok()) << first.err;
  // What the server fills in (defaults) does not turn the next apply into a change.
  const CommandResult second = kubectl({"apply", "-f", sourcePath("deploy/samples")});
  EXPECT_EQ(second.out.find("configured"), std::string::npos) << second.out;
  EXPECT_EQ(kubectl({"get", "vmm", "db-1-to-host2", "-o", "jsonpath={.status}"}).out,
            R"({"observedGeneration":-1})");
}

bool operatorMay(const std::vector<std::string>& action) {
  std::vector<std::string> arguments{"auth", "can-i", "--quiet"};
  arguments.insert(arguments.end(), action.begin(), action.end());
  return sharedControlPlane().kubectlAsOperator(arguments).ok();
}

// That it allows what the operator does is shown by conformance_rbac.
TEST(OperatorRbac, AllowsNothingElse) {
  const std::vector<std::vector<std::string>> actions{
      {"get", "secrets", "-n", "team-a"},
      {"get", "secrets", "-n", "vnic-operator-system"},
      {"get", "pods", "-n", "team-a"},
      {"create", "vnics.vnic.dev", "-n", "team-a"},
      {"delete", "vnics.vnic.dev", "-n", "team-a"},
      {"create", "vmmigrations.vnic.dev", "-n", "team-a"},
      {"delete", "vmhosts.vnic.dev"},
      {"patch", "vmhosts.vnic.dev"},
      {"update", "vmmigrations.vnic.dev", "-n", "team-a"},
      {"delete", "vnicprofiles.vnic.dev"},
      {"create", "leases.coordination.k8s.io", "-n", "team-a"},
      {"get", "leases.coordination.k8s.io", "-n", "kube-system"},
      {"patch", "namespaces"}};
  for (const auto& action : actions) {
    EXPECT_FALSE(operatorMay(action)) << ::testing::PrintToString(action);
  }
}

// By server-side apply, as the operator writes it; `can-i` above only asks the authorizer.
TEST(OperatorRbac, StatusIsWrittenByServerSideApply) {
  ASSERT_TRUE(kubectl({"create", "-f", "-"}, R"(
apiVersion: vnic.dev/v1alpha1
kind: VmHost
metadata: {name: written}
spec: {libvirtURI: qemu+tls://host1/system})")
                  .ok());
  const CommandResult result =
      sharedControlPlane().kubectlAsOperator({"apply", "--server-side", "--subresource=status",
                                              "--field-manager=vnic-operator", "-f", "-"},
                                             R"(
apiVersion: vnic.dev/v1alpha1
kind: VmHost
metadata: {name: written}
status: {observedGeneration: 1, vmCount: 3})");
  EXPECT_TRUE(result.ok()) << result.err;
  EXPECT_EQ(kubectl({"get", "vmh", "written", "-o", "jsonpath={.status.vmCount}"}).out, "3");
}

bool aggregated(const char* role, const char* resource, const char* verb) {
  const auto json = nlohmann::json::parse(kubectl({"get", "clusterrole", role, "-o", "json"}).out);
  for (const auto& rule : json["rules"]) {
    const auto has = [&](const char* key, const char* value) {
      const auto list = rule.value(key, std::vector<std::string>{});
      return std::find(list.begin(), list.end(), value) != list.end();
    };
    if (has("apiGroups", "vnic.dev") && has("resources", resource) && has("verbs", verb)) {
      return true;
    }
  }
  return false;
}

TEST(UserRoles, BecomePartOfViewAndEdit) {
  // The controller manager merges them some time after they were applied.
  const auto merged = [] {
    return aggregated("view", "vnics", "list") && aggregated("edit", "vmmigrations", "create");
  };
  ASSERT_TRUE(eventually(std::chrono::seconds(60), merged, std::chrono::milliseconds(200)))
      << "not aggregated";
  EXPECT_FALSE(aggregated("view", "vnics", "create"));
  EXPECT_FALSE(aggregated("edit", "vmhosts", "create"));
  EXPECT_FALSE(aggregated("edit", "vfreservations", "delete"));
}

}  // namespace
}  // namespace vnic::test
