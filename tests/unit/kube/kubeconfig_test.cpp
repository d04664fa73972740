// SPDX-License-Identifier: Apache-2.0
#include "kube/kubeconfig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "support/temporary_folder.h"

namespace vnic::kube {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class KubeconfigTest : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) {
    fs::create_directories((dir_ / name).parent_path());
    std::ofstream(dir_ / name) << text;
    return (dir_ / name).string();
  }
  std::string path(const std::string& name) const { return (dir_ / name).string(); }

  // A kubeconfig with one of each; `cluster` and `user` are YAML flow maps.
  std::string one(const std::string& cluster, const std::string& user,
                  const std::string& file = "config") {
    return write(file,
                 "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
                 "contexts: [{name: c, context: {cluster: k, user: u, namespace: team-a}}]\n"
                 "clusters: [{name: k, cluster: " +
                     cluster +
                     "}]\n"
                     "users: [{name: u, user: " +
                     user + "}]\n");
  }
  static std::string messageOf(const Result<ClusterConfig>& config) {
    return config ? "it was accepted" : config.error().message;
  }

  test::TemporaryFolder folder_;
  const fs::path& dir_ = folder_.path();
};

TEST_F(KubeconfigTest, ReadsDataAndFilesRelativeToTheFile) {
  const auto config = readKubeconfig(
      {one("{server: 'https://api:6443', certificate-authority: pki/ca.crt, tls-server-name: n}",
           "{tokenFile: /run/token, client-certificate-data: Y2VydA==, client-key: ../k.pem}",
           "sub/config")},
      "");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->server, "https://api:6443");
  EXPECT_EQ(config->caFile, path("sub/pki/ca.crt"));
  EXPECT_EQ(config->tlsServerName, "n");
  EXPECT_EQ(config->tokenFile, "/run/token");
  EXPECT_EQ(config->clientCertData, "cert");
  EXPECT_EQ(config->clientKeyFile, path("k.pem"));
  EXPECT_EQ(config->defaultNamespace, "team-a");
  EXPECT_THAT(config->source, HasSubstr("sub/config"));
}

TEST_F(KubeconfigTest, TheFirstFileOfAListWins) {
  const std::string first = write("first",
                                  "current-context: a\n"
                                  "clusters: [{name: k, cluster: {server: 'https://first'}}]\n");
  const std::string second = write(
      "second",
      "current-context: b\n"
      "contexts: [{name: a, context: {cluster: k, user: u}}, {name: b, context: {cluster: l}}]\n"
      "clusters: [{name: k, cluster: {server: 'https://second'}},\n"
      "           {name: l, cluster: {server: 'https://other'}}]\n"
      "users: [{name: u, user: {token: t}}]\n");
  KubeEnvironment environment;
  environment.kubeconfig = path("missing") + ":" + first + "::" + second;
  const auto config = loadClusterConfig("", "", environment);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->server, "https://first");
  EXPECT_EQ(config->token, "t");
  const auto other = loadClusterConfig("", "b", environment);
  ASSERT_TRUE(other) << other.error().message;
  EXPECT_EQ(other->server, "https://other");
  EXPECT_EQ(other->token, "") << "a context without a user is anonymous";
}

TEST_F(KubeconfigTest, LooksInTheOrderThatKubectlUsersKnow) {
  const auto minimal = [&](const std::string& name) {
    return one("{server: 'https://" + name + "'}", "{}", name);
  };
  KubeEnvironment environment;
  environment.home = path("home");
  one("{server: 'https://home'}", "{}", "home/.kube/config");
  EXPECT_EQ(loadClusterConfig("", "", environment)->server, "https://home");

  environment.serviceHost = "10.0.0.1";
  environment.servicePort = "443";
  environment.serviceAccountDir = path("sa");
  EXPECT_EQ(loadClusterConfig("", "", environment)->server, "https://home")
      << "without a token it is no pod of ours";
  write("sa/token", "t");
  write("sa/namespace", "vnic-operator-system");
  const auto inCluster = loadClusterConfig("", "", environment);
  EXPECT_EQ(inCluster->server, "https://10.0.0.1:443");
  EXPECT_EQ(inCluster->tokenFile, path("sa/token"));
  EXPECT_EQ(inCluster->caFile, path("sa/ca.crt"));
  EXPECT_EQ(inCluster->defaultNamespace, "vnic-operator-system");

  environment.kubeconfig = minimal("env");
  EXPECT_EQ(loadClusterConfig("", "", environment)->server, "https://env");
  EXPECT_EQ(loadClusterConfig(minimal("flag"), "", environment)->server, "https://flag");
}

TEST_F(KubeconfigTest, AnIPv6ServiceAddressGetsBrackets) {
  write("sa/token", "t");
  KubeEnvironment environment;
  environment.serviceHost = "fd00::1";
  environment.servicePort = "443";
  environment.serviceAccountDir = path("sa");
  EXPECT_EQ(inClusterConfig(environment)->server, "https://[fd00::1]:443");
}

TEST_F(KubeconfigTest, SaysWhatToDoWhenThereIsNothing) {
  KubeEnvironment environment;
  environment.home = path("empty");
  environment.serviceAccountDir = path("none");
  EXPECT_THAT(messageOf(loadClusterConfig("", "", environment)), HasSubstr("--kubeconfig"));
  environment.kubeconfig = path("a") + ":" + path("b");
  EXPECT_THAT(messageOf(loadClusterConfig("", "", environment)), HasSubstr("KUBECONFIG"));
}

TEST_F(KubeconfigTest, RefusalsNameTheFileAndTheField) {
  const std::string server = "server: 'https://a'";
  struct Case {
    std::string cluster, user;
    const char* field;
  };
  const Case cases[] = {
      {"{}", "{}", "clusters[k].cluster.server"},
      {"{server: [a]}", "{}", "clusters[k].cluster.server"},
      {"[a]", "{}", "clusters[k].cluster"},
      {"{" + server + ", insecure-skip-tls-verify: perhaps}", "{}",
       "clusters[k].cluster.insecure-skip-tls-verify"},
      {"{" + server + ", insecure-skip-tls-verify: true, certificate-authority: x}", "{}",
       "clusters[k].cluster.insecure-skip-tls-verify"},
      {"{" + server + ", certificate-authority-data: '$$$$'}", "{}",
       "clusters[k].cluster.certificate-authority-data"},
      {"{" + server + ", proxy-url: 'http://p'}", "{}", "clusters[k].cluster.proxy-url"},
      {"{" + server + "}", "{exec: {command: aws}}", "users[u].user.exec"},
      {"{" + server + "}", "{auth-provider: {name: gcp}}", "users[u].user.auth-provider"},
      {"{" + server + "}", "{username: admin, password: x}", "users[u].user.username"},
      {"{" + server + "}", "{client-certificate: c}", "users[u].user.client-key"},
      {"{" + server + "}", "{client-key-data: YQ==}", "users[u].user.client-certificate"},
  };
  for (const Case& c : cases) {
    const auto config = readKubeconfig({one(c.cluster, c.user)}, "");
    EXPECT_THAT(messageOf(config), HasSubstr(path("config"))) << c.cluster << c.user;
    EXPECT_THAT(messageOf(config), HasSubstr(c.field)) << c.cluster << c.user;
    if (!config) {
      EXPECT_EQ(config.error().kind, ErrorKind::Terminal);
    }
  }
}

TEST_F(KubeconfigTest, RefusesBrokenFiles) {
  const auto refused = [&](const std::string& text, const char* part,
                           const std::string& context = "") {
    EXPECT_THAT(messageOf(readKubeconfig({write("broken", text)}, context)),
                testing::AllOf(HasSubstr(path("broken")), HasSubstr(part)));
  };
  refused("a: [", "broken");
  refused("just text", "not a kubeconfig");
  refused("", "current-context");
  refused("clusters: {a: b}", "clusters");
  refused("clusters: [{cluster: {}}]", "no name");
  refused("current-context: x", "\"x\"");
  refused("current-context: x\ncontexts: [{name: x, context: {cluster: y}}]", "\"y\"");
  refused("current-context: x\ncontexts: [{name: x, context: {}}]", "cluster");
  refused("{}", "\"z\"", "z");
  EXPECT_THAT(messageOf(readKubeconfig({path("none")}, "")), HasSubstr("does not exist"));
}

}  // namespace
}  // namespace vnic::kube
