// SPDX-License-Identifier: Apache-2.0
// What the operator is trusted with never comes out of it: not in its log at the most talkative
// level, nor in an event, a status or a metric. The hosts here give it every reason to complain
// about certificates.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <sstream>
#include <string>
#include <vector>

#include "deploy/operator_process.h"
#include "deploy/prometheus.h"
#include "support/eventually.h"
#include "support/loopback_peer.h"
#include "support/mounted_secret.h"

namespace vnic::test {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

// The lines of a PEM file that are the key; the first one would do for anybody who has the rest.
std::vector<std::string> keyLines(const std::string& pem) {
  std::vector<std::string> lines;
  std::istringstream text(pem);
  for (std::string line; std::getline(text, line);) {
    if (!line.starts_with("-----")) lines.push_back(line);
  }
  return lines;
}

class Secrets : public ::testing::Test {
 protected:
  Secrets() {
    mountLibvirtSecret(pki_.path(), authority_.certPem(), client_);
    // A key that is not the certificate's, and one that cannot be read.
    mountLibvirtSecret(odd_.path(), authority_.certPem(), {client_.certPem, strangerKey_.keyPem});
    mountLibvirtSecret(broken_.path(), authority_.certPem(),
                       {client_.certPem, client_.keyPem.substr(0, 150)});
  }

  std::string uri(const LoopbackPeer& peer, const std::string& query = {}) const {
    return "qemu+tls://127.0.0.1:" + std::to_string(peer.port()) + "/system" + query;
  }
  void addHost(const std::string& name, const std::string& uri) {
    const json host{{"apiVersion", "vnic.dev/v1alpha1"},
                    {"kind", "VmHost"},
                    {"metadata", {{"name", name}}},
                    {"spec", {{"libvirtURI", uri}}}};
    const CommandResult made = cluster_.kubectl({"create", "-f", "-"}, host.dump());
    ASSERT_TRUE(made.ok()) << made.err;
  }
  // Every host's Connected condition is there.
  bool allTold() const {
    const json hosts = json::parse(cluster_.kubectl({"get", "vmh", "-o", "json"}).out);
    for (const json& host : hosts["items"]) {
      if (host["status"].value("conditions", json::array()).empty()) return false;
    }
    return true;
  }

  TestAuthority authority_, stranger_{"stranger"};
  CertificateAndKey client_ = authority_.issue("operator", "DNS:operator");
  CertificateAndKey strangerKey_ = stranger_.issue("operator", "DNS:operator");
  TemporaryFolder pki_, odd_, broken_;
  ControlPlane cluster_;
  OperatorProcess operator_{cluster_, {"--libvirt-pki-path", pki_.path()}};
};

TEST_F(Secrets, StayInside) {
  const auto silent = [](auto&, auto&) {};
  const LoopbackPeer strict(
      {authority_.issue("host1", "IP:127.0.0.1"), stranger_.certPem(), "127.0.0.1"}, silent);
  const LoopbackPeer unknown(
      {stranger_.issue("host2", "IP:127.0.0.1"), authority_.certPem(), "127.0.0.1"}, silent);
  addHost("refuses-us", uri(strict));
  addHost("is-a-stranger", uri(unknown));
  addHost("odd-key", uri(strict, "?pkipath=" + odd_.path().string()));
  addHost("broken-key", uri(strict, "?pkipath=" + broken_.path().string()));
  addHost("no-files", uri(strict, "?pkipath=/nowhere"));
  addHost("plain", "qemu+tcp://127.0.0.1:1/system");
  const CommandResult migration = cluster_.kubectl({"create", "-f", "-"}, R"(
apiVersion: vnic.dev/v1alpha1
kind: VmMigration
metadata: {name: db-1, namespace: default}
spec: {vmName: db-1})");
  ASSERT_TRUE(migration.ok()) << migration.err;
  ASSERT_TRUE(eventually(std::chrono::seconds(60), [&] { return allTold(); })) << operator_.log();

  const std::string shown = cluster_.kubectl({"get", "vnic-operator", "-A", "-o", "json"}).out;
  // It has complained of all of them.
  EXPECT_THAT(shown, HasSubstr("CertificateRefused"));
  EXPECT_THAT(shown, HasSubstr("/nowhere"));
  EXPECT_THAT(shown, HasSubstr("qemu+tcp is neither encrypted nor authenticated"));
  const std::string everything = operator_.log() + shown +
                                 cluster_.kubectl({"get", "events", "-A", "-o", "json"}).out +
                                 httpGet(operator_.metricsPort(), "/metrics");

  std::string token = readFile(cluster_.operatorKubeconfig().parent_path() / "operator.token");
  token.erase(token.find_last_not_of('\n') + 1);
  ASSERT_GT(token.size(), 20u);
  EXPECT_THAT(everything, Not(HasSubstr(token)));
  EXPECT_THAT(everything, Not(HasSubstr("PRIVATE KEY")));
  for (const auto& key : {client_.keyPem, strangerKey_.keyPem}) {
    const auto lines = keyLines(key);
    ASSERT_FALSE(lines.empty());
    for (const auto& line : lines) EXPECT_THAT(everything, Not(HasSubstr(line)));
  }
}

}  // namespace
}  // namespace vnic::test
