// SPDX-License-Identifier: Apache-2.0
// The ways in without Helm: kustomize, one rendered file, the CRDs alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "deploy/tools.h"

namespace vnic::test {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kDeploy = sourcePath("deploy");

ControlPlane::Options bare() {
  ControlPlane::Options options;
  options.install = false;
  return options;
}

// Applied twice, because what the server fills in must not turn the next apply into a change.
void applyTwice(ControlPlane& cluster, const std::vector<std::string>& what) {
  std::vector<std::string> command{"apply", "--server-side"};
  command.insert(command.end(), what.begin(), what.end());
  const CommandResult first = cluster.kubectl(command);
  ASSERT_TRUE(first.ok()) << first.err;
  const auto versions = [&] {
    return cluster
        .kubectl(
            {"get", "crd,clusterrole,deployment,service,pdb,serviceaccount", "-A", "-l",
             "app.kubernetes.io/part-of=vnic-operator", "-o",
             "jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.generation} {end}"})
        .out;
  };
  const std::string before = versions();
  const CommandResult second = cluster.kubectl(command);
  ASSERT_TRUE(second.ok()) << second.err;
  EXPECT_EQ(versions(), before);
}

TEST(InstallYaml, IsAllThatAClusterNeeds) {
  ControlPlane cluster(bare());
  applyTwice(cluster, {"-f", kDeploy + "/install.yaml"});
  ASSERT_TRUE(
      cluster.kubectl({"wait", "--for=condition=Established", "--timeout=30s", "crd", "--all"})
          .ok());
  const CommandResult deployment = cluster.kubectl(
      {"get", "deployment", "vnic-operator", "-n", kNamespace, "-o", "jsonpath={.spec.replicas}"});
  EXPECT_EQ(deployment.out, "2") << deployment.err;
  EXPECT_TRUE(cluster
                  .kubectlAsOperator({"auth", "can-i", "--quiet", "patch", "vmmigrations.vnic.dev",
                                      "-n", kNamespace})
                  .ok());
  const CommandResult samples = cluster.kubectl({"apply", "-f", kDeploy + "/samples"});
  EXPECT_TRUE(samples.ok()) << samples.err;
}

TEST(Kustomize, OverlaysApply) {
  ControlPlane cluster(bare());
  applyTwice(cluster, {"-k", kDeploy + "/overlays/default"});
}

TEST(Kustomize, ProductionHasEverythingAndItsOwnSettings) {
  ControlPlane cluster;
  const CommandResult built = cluster.kubectl({"kustomize", kDeploy + "/overlays/production"});
  ASSERT_TRUE(built.ok()) << built.err;
  EXPECT_THAT(built.out, HasSubstr("kind: NetworkPolicy"));
  EXPECT_THAT(built.out, HasSubstr("kind: PodDisruptionBudget"));
  EXPECT_THAT(built.out, HasSubstr("kind: ServiceMonitor"));
  EXPECT_THAT(built.out, HasSubstr("image: registry.example.com/vnic-operator:"));
  // Added by its name; what the base says stays.
  EXPECT_THAT(built.out, HasSubstr("name: VNIC_OPERATOR_MAX_PARALLEL_MIGRATIONS"));
  EXPECT_THAT(built.out, HasSubstr("name: VNIC_OPERATOR_LIBVIRT_PKI_PATH"));
}

TEST(Crds, ApplyByThemselves) {
  ControlPlane cluster(bare());
  for (int i = 0; i < 2; ++i) {
    const CommandResult result = cluster.kubectl({"apply", "-f", sourcePath("crds")});
    EXPECT_TRUE(result.ok()) << result.err;
    if (i == 1) {
      EXPECT_THAT(result.out, Not(HasSubstr("configured")));
    }
  }
}

}  // namespace
}  // namespace vnic::test
