// SPDX-License-Identifier: Apache-2.0
// The ways in without Helm: kustomize, one rendered file, the CRDs alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
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
  ControlPlane cluster(bare());
  installForeignCrds(cluster);
  applyTwice(cluster, {"-k", kDeploy + "/overlays/production"});
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

// Lists that a strategic merge may reorder, by the names of their entries.
void sortByName(json& value) {
  for (json& child : value) {
    if (child.is_structured()) sortByName(child);
  }
  const bool named =
      value.is_array() && std::all_of(value.begin(), value.end(),
                                      [](const json& entry) { return entry.contains("name"); });
  if (!named) return;
  std::sort(value.begin(), value.end(),
            [](const json& a, const json& b) { return a.at("name") < b.at("name"); });
}

// By kind and name, without what only a Helm release has.
std::map<std::string, json> comparable(const ControlPlane& cluster, const std::string& manifests) {
  std::map<std::string, json> objects;
  for (json object : objectsOf(cluster, manifests)) {
    json& labels = object.at("metadata").at("labels");
    labels.erase("helm.sh/chart");
    labels.erase("app.kubernetes.io/managed-by");
    sortByName(object);
    objects[object.at("kind").get<std::string>() + " " +
            object.at("metadata").at("name").get<std::string>()] = object;
  }
  return objects;
}

// With every component the two say the same: whatever the chart's templates say of an object, and
// whatever the components' patches make of it.
TEST(Kustomize, SaysWhatTheChartSays) {
  ControlPlane cluster;
  installForeignCrds(cluster);
  TemporaryFolder folder;
  const std::string deploy = std::filesystem::relative(kDeploy, folder.path());
  std::ofstream file(folder.path() / "kustomization.yaml");
  file << "resources: [" << deploy << "/base, " << deploy << "/agent]\ncomponents:\n";
  for (const auto& component : std::filesystem::directory_iterator(kDeploy + "/components")) {
    file << "- " << deploy << "/components/" << component.path().filename().string() << "\n";
  }
  file.close();
  const CommandResult built = cluster.kubectl({"kustomize", folder.path()});
  ASSERT_TRUE(built.ok()) << built.err;
  const CommandResult rendered =
      Helm().render({"--values", kDeploy + "/values.yaml", "--set", "replicas=2", "--no-hooks"});
  ASSERT_TRUE(rendered.ok()) << rendered.err;

  auto kustomized = comparable(cluster, built.out);
  // A release's namespace is not part of it.
  EXPECT_EQ(kustomized.erase("Namespace vnic-operator-system"), 1u);
  const auto chart = comparable(cluster, rendered.out);
  EXPECT_GE(chart.size(), 20u);
  for (const auto& [name, object] : chart) {
    ASSERT_TRUE(kustomized.contains(name)) << name;
    EXPECT_EQ(json::diff(kustomized[name], object), json::array()) << name;
  }
  EXPECT_EQ(kustomized.size(), chart.size());
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
