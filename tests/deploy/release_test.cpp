// SPDX-License-Identifier: Apache-2.0
// The life of a release on a real API server: install, upgrade, rollback, uninstall, install again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "deploy/tools.h"

namespace vnic::test {
namespace {

using ::testing::HasSubstr;

void replaceFile(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::trunc) << text;
}

// A copy of the chart as an earlier version of it may have been: VmHost had no migrationAddress.
std::filesystem::path earlierChart(const std::filesystem::path& folder) {
  const auto chart = folder / "vnic-operator";
  std::filesystem::copy(kChart, chart, std::filesystem::copy_options::recursive);
  std::string crd = readFile(chart / "files/crds/vmhosts.yaml");
  const std::size_t begin = crd.find("              migrationAddress:\n");
  std::size_t end = crd.find("\n              ", begin);
  while (crd.at(end + 15) == ' ') end = crd.find("\n              ", end + 1);
  crd.erase(begin, end + 1 - begin);
  replaceFile(chart / "files/crds/vmhosts.yaml", crd);
  std::string about = readFile(chart / "Chart.yaml");
  about.replace(about.find("\nversion: "),
                about.find('\n', about.find("\nversion: ") + 1) - about.find("\nversion: "),
                "\nversion: 0.0.1");
  replaceFile(chart / "Chart.yaml", about);
  return chart;
}

class Release : public ::testing::Test {
 protected:
  Release() : cluster_(bare()), helm_(cluster_) {}

  static ControlPlane::Options bare() {
    ControlPlane::Options options;
    options.install = false;
    return options;
  }

  CommandResult kubectl(const std::vector<std::string>& arguments, std::string_view input = {}) {
    return cluster_.kubectl(arguments, input);
  }
  std::string get(const std::vector<std::string>& what, const std::string& jsonpath) {
    std::vector<std::string> arguments{"get"};
    arguments.insert(arguments.end(), what.begin(), what.end());
    arguments.insert(arguments.end(), {"-o", "jsonpath=" + jsonpath});
    const CommandResult result = kubectl(arguments);
    return result.ok() ? result.out : result.err;
  }
  CommandResult helm(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--namespace", kNamespace});
    return helm_.run(arguments);
  }

  ControlPlane cluster_;
  Helm helm_;
};

constexpr char kHost[] = R"(
apiVersion: vnic.dev/v1alpha1
kind: VmHost
metadata: {name: host1}
spec: {libvirtURI: qemu+tls://host1/system, migrationAddress: 192.0.2.11})";

constexpr char kMigration[] = R"(
apiVersion: vnic.dev/v1alpha1
kind: VmMigration
metadata: {name: db-1, namespace: default, finalizers: [vnic.dev/migration]}
spec: {vmName: db-1})";

constexpr char kInFlight[] = R"(
apiVersion: vnic.dev/v1alpha1
kind: VmMigration
metadata: {name: db-1, namespace: default}
status: {observedGeneration: 1, phase: Migrating, sourceHost: host1, targetHost: host2})";

TEST_F(Release, IsUpgradedRolledBackAndTakenAwayWhileAMigrationRuns) {
  TemporaryFolder folder;
  const auto earlier = earlierChart(folder.path());
  CommandResult result =
      helm({"install", "vnic-operator", earlier, "--create-namespace", "--set", "replicas=1"});
  ASSERT_TRUE(result.ok()) << result.err;
  EXPECT_THAT(result.out, HasSubstr("Its Pods start when the Secret vnic-operator-libvirt-client"));
  ASSERT_TRUE(
      kubectl({"wait", "--for=condition=Established", "--timeout=120s", "crd", "--all"}).ok());
  ASSERT_FALSE(kubectl({"create", "-f", "-"}, kHost).ok()) << "the earlier CRD knows no such field";
  ASSERT_TRUE(kubectl({"create", "-f", "-"}, kMigration).ok());
  result = kubectl({"apply", "--server-side", "--subresource=status",
                    "--field-manager=vnic-operator", "-f", "-"},
                   kInFlight);
  ASSERT_TRUE(result.ok()) << result.err;
  const std::string migration = get({"vmm", "db-1"}, "{.metadata.uid} {.status}");

  // The CRDs are upgraded with the release.
  result = helm({"upgrade", "vnic-operator", kChart, "--set", "config.workers=8"});
  ASSERT_TRUE(result.ok()) << result.err;
  EXPECT_EQ(get({"deployment", "vnic-operator", "-n", kNamespace}, "{.spec.replicas}"), "2");
  EXPECT_EQ(
      get({"deployment", "vnic-operator", "-n", kNamespace},
          "{.spec.template.spec.containers[0].env[?(@.name=='VNIC_OPERATOR_WORKERS')].value}"),
      "8");
  ASSERT_TRUE(
      kubectl({"wait", "--for=condition=Established", "--timeout=120s", "crd", "--all"}).ok());
  result = kubectl({"apply", "-f", "-"}, kHost);
  ASSERT_TRUE(result.ok()) << result.err;
  EXPECT_EQ(get({"vmm", "db-1"}, "{.metadata.uid} {.status}"), migration);

  result = helm({"rollback", "vnic-operator", "1"});
  ASSERT_TRUE(result.ok()) << result.err;
  EXPECT_EQ(get({"deployment", "vnic-operator", "-n", kNamespace}, "{.spec.replicas}"), "1");
  EXPECT_EQ(
      get({"deployment", "vnic-operator", "-n", kNamespace},
          "{.spec.template.spec.containers[0].env[?(@.name=='VNIC_OPERATOR_WORKERS')].value}"),
      "");
  EXPECT_EQ(get({"vmm", "db-1"}, "{.metadata.uid} {.status}"), migration);

  // What people made stays, and so do the kinds that it is of.
  result = helm({"uninstall", "vnic-operator"});
  ASSERT_TRUE(result.ok()) << result.err;
  EXPECT_EQ(get({"deployment", "-n", kNamespace}, "{.items}"), "[]");
  EXPECT_THAT(get({"clusterrole", "vnic-operator"}, ""), HasSubstr("not found"));
  EXPECT_EQ(get({"vmm", "db-1"}, "{.metadata.uid} {.status}"), migration);
  EXPECT_EQ(get({"vmh", "host1"}, "{.spec.libvirtURI}"), "qemu+tls://host1/system");

  // The next release of that name takes over what the last one left.
  result = helm({"install", "vnic-operator", kChart});
  ASSERT_TRUE(result.ok()) << result.err;
  EXPECT_EQ(get({"vmm", "db-1"}, "{.metadata.uid} {.status}"), migration);
  EXPECT_EQ(get({"crd", "vmhosts.vnic.dev"}, "{.metadata.labels.helm\\.sh/chart}"),
            "vnic-operator-0.1.0");
}

TEST_F(Release, TakesTheCrdsAlongWhereThatIsAskedFor) {
  ASSERT_TRUE(
      helm({"install", "vnic-operator", kChart, "--create-namespace", "--set", "crds.keep=false"})
          .ok());
  ASSERT_TRUE(helm({"uninstall", "vnic-operator"}).ok());
  ASSERT_TRUE(kubectl({"wait", "--for=delete", "--timeout=120s", "crd", "--all"}).ok());
}

// The certificate that the chart makes is the one that the API server trusts, for the name by which
// it asks, and stays the same however often the release changes.
TEST_F(Release, KeepsTheWebhooksCertificate) {
  CommandResult result = helm(
      {"install", "vnic-operator", kChart, "--create-namespace", "--set", "webhook.enabled=true"});
  ASSERT_TRUE(result.ok()) << result.err;
  const std::vector<std::string> secret{"secret", "vnic-operator-webhook", "-n", kNamespace};
  const auto made = get(secret, "{.data}");
  const auto trusted = [&] {
    return get({"validatingwebhookconfiguration", "vnic-operator"},
               "{.webhooks[0].clientConfig.caBundle}");
  };
  EXPECT_EQ(trusted(), get(secret, "{.data.ca\\.crt}"));

  TemporaryFolder folder;
  for (const char* name : {"ca.crt", "tls.crt"}) {
    std::string field = name;
    field.insert(field.find('.'), "\\");
    const CommandResult decoded =
        runCommand({"base64", "-d"}, get(secret, "{.data." + field + "}"));
    replaceFile(folder.path() / name, decoded.out);
  }
  const CommandResult verified =
      runCommand({"openssl", "verify", "-purpose", "sslserver", "-verify_hostname",
                  "vnic-operator-webhook.vnic-operator-system.svc", "-CAfile",
                  folder.path() / "ca.crt", folder.path() / "tls.crt"});
  EXPECT_TRUE(verified.ok()) << verified.out << verified.err;

  ASSERT_TRUE(
      helm({"upgrade", "vnic-operator", kChart, "--set", "webhook.enabled=true,config.workers=8"})
          .ok());
  EXPECT_EQ(get(secret, "{.data}"), made);
  ASSERT_TRUE(helm({"rollback", "vnic-operator", "1"}).ok());
  EXPECT_EQ(get(secret, "{.data}"), made);
  EXPECT_EQ(trusted(), get(secret, "{.data.ca\\.crt}"));

  // One that is gone is made again, and trusted.
  ASSERT_TRUE(kubectl({"delete", "secret", "vnic-operator-webhook", "-n", kNamespace}).ok());
  ASSERT_TRUE(helm({"upgrade", "vnic-operator", kChart, "--set", "webhook.enabled=true"}).ok());
  EXPECT_NE(get(secret, "{.data}"), made);
  EXPECT_EQ(trusted(), get(secret, "{.data.ca\\.crt}"));
}

// The service account of the chart in its own namespace is the operator that the control plane
// knows: it has exactly the rights that the operator's other tests run with.
TEST_F(Release, GivesTheOperatorItsRights) {
  const auto may = [&](const char* verb, const char* resource) {
    return cluster_
        .kubectlAsOperator({"auth", "can-i", "--quiet", verb, resource, "-n", kNamespace})
        .ok();
  };
  EXPECT_FALSE(may("patch", "vmmigrations.vnic.dev"));
  ASSERT_TRUE(helm({"install", "vnic-operator", kChart, "--create-namespace"}).ok());
  EXPECT_TRUE(may("patch", "vmmigrations.vnic.dev"));
  EXPECT_TRUE(may("update", "leases.coordination.k8s.io"));
  EXPECT_FALSE(may("get", "secrets"));
}

}  // namespace
}  // namespace vnic::test
