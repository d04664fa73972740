// SPDX-License-Identifier: Apache-2.0
// The chart as text: what is derived from it, what it refuses, what the API server thinks of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deploy/tools.h"

namespace vnic::test {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

TEST(Generated, IsWhatDeployGenerateMakes) {
  const CommandResult result = runCommand({sourcePath("deploy/generate"), "--check"});
  EXPECT_TRUE(result.ok()) << result.out << result.err;
}

TEST(Chart, IsCleanForAStrictLint) {
  const Helm helm;
  for (const auto& values : goldenFiles(".values.yaml")) {
    const CommandResult result = helm.run({"lint", "--strict", kChart, "--values", values});
    EXPECT_TRUE(result.ok()) << values << "\n" << result.out << result.err;
  }
}

struct Refusal {
  const char* name;
  std::vector<std::string> values;
  std::vector<std::string> says;
};

void PrintTo(const Refusal& refusal, std::ostream* out) {
  *out << refusal.name;
}

class ChartRefuses : public ::testing::TestWithParam<Refusal> {};

TEST_P(ChartRefuses, WithTheFieldAndTheReason) {
  std::vector<std::string> arguments;
  for (const std::string& value : GetParam().values) {
    arguments.insert(arguments.end(), {"--set-json", value});
  }
  const CommandResult result = Helm().render(arguments);
  EXPECT_FALSE(result.ok());
  for (const std::string& text : GetParam().says) EXPECT_THAT(result.err, HasSubstr(text));
}

INSTANTIATE_TEST_SUITE_P(
    All, ChartRefuses,
    ::testing::Values(
        Refusal{"UnknownValue", {"replicaCount=3"}, {"replicaCount", "not allowed"}},
        Refusal{"UnknownSetting", {"config.maxMigrations=3"}, {"/config", "maxMigrations"}},
        Refusal{"ReplicasAsText", {R"(replicas="two")"}, {"/replicas", "got string, want integer"}},
        Refusal{"ReplicasBelowZero", {"replicas=-1"}, {"/replicas", "minimum"}},
        Refusal{"TooManyWorkers", {"config.workers=65"}, {"/config/workers", "64"}},
        Refusal{"LogLevel", {R"(config.logLevel="trace")"}, {"/config/logLevel", "'debug'"}},
        Refusal{
            "PullPolicy", {R"(image.pullPolicy="Sometimes")"}, {"/image/pullPolicy", "'Never'"}},
        Refusal{"Digest", {R"(image.digest="sha256:abc")"}, {"/image/digest", "pattern"}},
        Refusal{"NoRepository", {R"(image.repository="")"}, {"/image/repository"}},
        Refusal{"SecretName",
                {R"(libvirt.clientSecretName="My_Secret")"},
                {"/libvirt/clientSecretName", "pattern"}},
        Refusal{"PortRange",
                {"networkPolicy.libvirtPorts=[70000]"},
                {"/networkPolicy/libvirtPorts/0", "65,535"}},
        Refusal{"BudgetThatBlocksDrains",
                {"podDisruptionBudget.maxUnavailable=0"},
                {"/podDisruptionBudget/maxUnavailable"}},
        Refusal{"ScrapeInterval",
                {R"(monitoring.serviceMonitor.interval="often")"},
                {"/monitoring/serviceMonitor/interval"}},
        Refusal{"WebhookCertificate",
                {R"(webhook.certificate.source="Vault")"},
                {"/webhook/certificate/source", "'CertManager'"}},
        Refusal{"OneUriForAllNodes",
                {R"(nodes.libvirtURI="qemu+tls://host1/system")"},
                {"/nodes/libvirtURI", "pattern"}},
        Refusal{"IssuerWithoutName",
                {R"(webhook.certificate.issuerRef={"kind":"ClusterIssuer"})"},
                {"/webhook/certificate/issuerRef", "name"}},
        Refusal{
            "AgentsWithoutNamespace", {R"(agent.namespace="")"}, {"/agent/namespace", "minLength"}},
        Refusal{"NoServiceAccount",
                {"serviceAccount.create=false"},
                {"serviceAccount.name must say which service account"}},
        Refusal{"TwoWithoutLeader",
                {"config.leaderElect=false"},
                {"config.leaderElect may not be false when replicas is more than 1"}},
        Refusal{"LeaseShorterThanDeadline",
                {"config.leaseDurationSeconds=10"},
                {"config.leaseDurationSeconds (10) must be greater than"}},
        Refusal{"DeadlineTooShort",
                {"config.retryPeriodSeconds=9"},
                {"config.renewDeadlineSeconds (10) must be greater than 1.2 times"}}),
    [](const auto& param) { return param.param.name; });

// A control plane with the CRDs, ours and others', and nothing of the operator but its RBAC.
class ChartOnServer : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    cluster_ = std::make_unique<ControlPlane>();
    installForeignCrds(*cluster_);
    // A dry run makes no namespace for what comes after it; this one is in everything.values.yaml.
    const CommandResult made = cluster_->kubectl({"create", "namespace", "mover-agents"});
    ASSERT_TRUE(made.ok()) << made.err;
  }
  static void TearDownTestSuite() { cluster_.reset(); }

  static ControlPlane& cluster() { return *cluster_; }

 private:
  static inline std::unique_ptr<ControlPlane> cluster_;
};

TEST_F(ChartOnServer, GoldenRendersAreValid) {
  const auto goldens = goldenFiles(".values.yaml");
  ASSERT_GE(goldens.size(), 3u);
  for (const auto& values : goldens) {
    const CommandResult rendered = Helm().render({"--values", values});
    ASSERT_TRUE(rendered.ok()) << rendered.err;
    // Validation knows every field, so a misspelt one is an error too.
    const CommandResult result =
        cluster().kubectl({"apply", "--server-side", "--dry-run=server", "--validate=strict",
                           "--force-conflicts", "-f", "-"},
                          rendered.out);
    EXPECT_TRUE(result.ok()) << values << "\n" << result.err;
  }
}

TEST_F(ChartOnServer, CrdsAreThoseOfTheRepository) {
  const CommandResult rendered = Helm().render({"--show-only", "templates/crds.yaml"});
  ASSERT_TRUE(rendered.ok()) << rendered.err;
  std::map<std::string, json> chart;
  for (const json& crd : objectsOf(cluster(), rendered.out)) {
    chart[crd.at("metadata").at("name")] = crd;
  }
  std::size_t count = 0;
  for (const auto& file : std::filesystem::directory_iterator(sourcePath("crds"))) {
    const CommandResult read =
        cluster().kubectl({"create", "--dry-run=client", "-o", "json", "-f", file.path()});
    ASSERT_TRUE(read.ok()) << read.err;
    const json crd = json::parse(read.out);
    const json& shipped = chart[crd.at("metadata").at("name")];
    ++count;
    EXPECT_EQ(crd.at("spec"), shipped.at("spec")) << file.path();
    EXPECT_EQ(shipped.at("metadata").at("annotations").at("helm.sh/resource-policy"), "keep");
  }
  EXPECT_EQ(count, chart.size());
}

// The Pod that the Deployment would make, in a namespace that enforces the restricted standard.
CommandResult createPod(ControlPlane& cluster, const std::vector<std::string>& values) {
  std::vector<std::string> arguments{"--show-only", "templates/deployment.yaml"};
  arguments.insert(arguments.end(), values.begin(), values.end());
  const CommandResult rendered = Helm().render(arguments);
  if (!rendered.ok()) return rendered;
  const json deployment = objectsOf(cluster, rendered.out).at(0);
  json pod = deployment.at("spec").at("template");
  pod["apiVersion"] = "v1";
  pod["kind"] = "Pod";
  pod["metadata"]["name"] = "operator";
  pod["metadata"]["namespace"] = kNamespace;
  return cluster.kubectl({"create", "--dry-run=server", "-f", "-"}, pod.dump());
}

TEST_F(ChartOnServer, PodsMeetTheRestrictedStandard) {
  for (const char* webhook : {"webhook.enabled=false", "webhook.enabled=true"}) {
    const CommandResult result = createPod(cluster(), {"--set", webhook});
    EXPECT_TRUE(result.ok()) << result.err;
  }
  // It is really enforced here.
  const CommandResult lax =
      createPod(cluster(), {"--set", "securityContext.allowPrivilegeEscalation=true"});
  EXPECT_FALSE(lax.ok());
  EXPECT_THAT(lax.err, HasSubstr("violates PodSecurity \"restricted"));
}

}  // namespace
}  // namespace vnic::test
