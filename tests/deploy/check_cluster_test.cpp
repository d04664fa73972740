// SPDX-License-Identifier: Apache-2.0
// `vnic-operator check-cluster`, which `helm test` runs, with the rights of the operator's Pods.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "deploy/operator_process.h"
#include "support/eventually.h"

namespace vnic::test {
namespace {

using ::testing::HasSubstr;

CommandResult check(const ControlPlane& cluster) {
  return runCommand(
      {operatorBinary(), "check-cluster", "--kubeconfig", cluster.operatorKubeconfig()});
}

TEST(CheckCluster, SaysWhatIsMissingUntilAnOperatorLeads) {
  ControlPlane::Options bare;
  bare.install = false;
  const ControlPlane cluster(bare);
  CommandResult result = check(cluster);
  EXPECT_EQ(result.exitCode, 1);
  EXPECT_THAT(result.out, HasSubstr("bind the operator's roles to the service account"));

  const CommandResult installed =
      cluster.kubectl({"apply", "--server-side", "-f", sourcePath("deploy/install.yaml")});
  ASSERT_TRUE(installed.ok()) << installed.err;
  ASSERT_TRUE(
      cluster.kubectl({"wait", "--for=condition=Established", "--timeout=30s", "crd", "--all"})
          .ok());
  result = check(cluster);
  EXPECT_EQ(result.exitCode, 1);
  EXPECT_THAT(result.out, HasSubstr("VmMigration    is served and can be listed"));
  EXPECT_THAT(result.out, HasSubstr("look at the operator's Pods"));

  const OperatorProcess process(cluster);
  const auto leads = [&] { return (result = check(cluster)).ok(); };
  eventually(std::chrono::seconds(60), leads, std::chrono::milliseconds(300));
  EXPECT_EQ(result.exitCode, 0) << result.out << process.log();
  EXPECT_THAT(result.out, HasSubstr(" leads"));
}

TEST(CheckCluster, SaysThatNobodyAnswers) {
  const CommandResult result =
      runCommand({operatorBinary(), "check-cluster", "--kubeconfig", "/nowhere"});
  EXPECT_EQ(result.exitCode, 1);
  EXPECT_THAT(result.err, HasSubstr("/nowhere"));
}

}  // namespace
}  // namespace vnic::test
