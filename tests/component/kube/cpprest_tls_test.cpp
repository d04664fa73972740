// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "component/kube/transport_environment.h"

namespace vnic::kube {
namespace {

using test::CertificateAndKey;
using test::LoopbackPeer;
using test::PeerConnection;
using test::PeerRequest;
using test::TestAuthority;
using testing::HasSubstr;

void answerOk(const PeerRequest&, PeerConnection& connection) {
  connection.respond(200, "{}");
}

LoopbackPeer::Options tls(CertificateAndKey certificate, std::string clientCa = "") {
  return {.certificate = std::move(certificate), .clientCaPem = std::move(clientCa)};
}

TlsMaterial trusting(const TestAuthority& authority) {
  TlsMaterial material;
  material.caPem = authority.certPem();
  return material;
}

TEST(CpprestTls, TrustsTheGivenAuthority) {
  const TestAuthority authority;
  LoopbackPeer peer(tls(authority.issue("api", "IP:127.0.0.1")), answerOk);
  const auto response =
      makeTransport(peer.url(), trusting(authority))->send(getRequest(), kPlenty, {});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(peer.requests().at(0).sni, "") << "SNI is for names, never for addresses";
}

TEST(CpprestTls, VerifiesIPv6Addresses) {
  const TestAuthority authority;
  LoopbackPeer::Options options = tls(authority.issue("api", "IP:::1"));
  options.address = "::1";
  LoopbackPeer peer(options, answerOk);
  const auto response =
      makeTransport(peer.url(), trusting(authority))->send(getRequest(), kPlenty, {});
  EXPECT_TRUE(response) << response.error().message;
}

TEST(CpprestTls, RefusesCertificatesThatProveNothingAndSaysWhy) {
  const TestAuthority authority, stranger("stranger");
  struct Case {
    const char* name;
    CertificateAndKey certificate;
    const char* reason;
  };
  const Case cases[] = {
      {"another host", authority.issue("api", "IP:127.0.0.2,DNS:api.example"), "mismatch"},
      {"only a common name", authority.issue("127.0.0.1", ""), "mismatch"},
      {"expired", authority.issue("api", "IP:127.0.0.1", -3, -1), "expired"},
      {"not yet valid", authority.issue("api", "IP:127.0.0.1", 1, 3), "not yet valid"},
      {"another authority", stranger.issue("api", "IP:127.0.0.1"), "issuer"},
      {"self-signed", test::selfSigned("api", "IP:127.0.0.1"), "self-signed"},
  };
  for (const Case& c : cases) {
    LoopbackPeer peer(tls(c.certificate), answerOk);
    HttpRequest request = getRequest();
    request.headers["Authorization"] = "Bearer secret";
    const auto response =
        makeTransport(peer.url(), trusting(authority))->send(request, kPlenty, {});
    ASSERT_FALSE(response) << c.name;
    EXPECT_EQ(response.error().kind, ErrorKind::Transient) << c.name;
    EXPECT_THAT(response.error().message, HasSubstr(c.reason)) << c.name;
    EXPECT_TRUE(peer.requests().empty()) << c.name;
  }
}

// cpprestsdk loads the system's CAs into every context. With a cluster CA given they must not
// count.
TEST(CpprestTls, TheSystemsAuthoritiesDoNotCountBesideAGivenOne) {
  const TestAuthority ours, systems("one of the system's");
  const auto file = std::filesystem::temp_directory_path() /
                    ("vnic-system-ca-" + std::to_string(::getpid()) + ".pem");
  std::ofstream(file) << systems.certPem();
  ::setenv("SSL_CERT_FILE", file.c_str(), 1);
  LoopbackPeer peer(tls(systems.issue("api", "IP:127.0.0.1")), answerOk);
  const auto withOurs = makeTransport(peer.url(), trusting(ours))->send(getRequest(), kPlenty, {});
  const auto withSystems = makeTransport(peer.url())->send(getRequest(), kPlenty, {});
  ::unsetenv("SSL_CERT_FILE");
  std::filesystem::remove(file);
  EXPECT_FALSE(withOurs);
  EXPECT_TRUE(withSystems) << "without a CA of its own the system's are used: "
                           << withSystems.error().message;
}

TEST(CpprestTls, AServerNameReplacesTheHostForVerificationAndSni) {
  const TestAuthority authority;
  LoopbackPeer peer(tls(authority.issue("api", "DNS:api.cluster.test")), answerOk);
  TlsMaterial material = trusting(authority);
  EXPECT_FALSE(makeTransport(peer.url(), material)->send(getRequest(), kPlenty, {}));
  material.serverName = "api.cluster.test";
  const auto response = makeTransport(peer.url(), material)->send(getRequest(), kPlenty, {});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(peer.requests().at(0).sni, "api.cluster.test");
}

TEST(CpprestTls, ACommonNameIsNoProofOfAName) {
  const TestAuthority authority;
  LoopbackPeer peer(tls(authority.issue("api.cluster.test", "")), answerOk);
  TlsMaterial material = trusting(authority);
  material.serverName = "api.cluster.test";
  EXPECT_FALSE(makeTransport(peer.url(), material)->send(getRequest(), kPlenty, {}));
}

TEST(CpprestTls, VerifiesNothingOnlyWhenToldSo) {
  LoopbackPeer peer(tls(test::selfSigned("api", "DNS:elsewhere")), answerOk);
  TlsMaterial material;
  EXPECT_FALSE(makeTransport(peer.url(), material)->send(getRequest(), kPlenty, {}));
  material.insecureSkipVerify = true;
  EXPECT_TRUE(makeTransport(peer.url(), material)->send(getRequest(), kPlenty, {}));
}

TEST(CpprestTls, AChangedClientCertificateIsUsedFromTheNextRequestOn) {
  const TestAuthority authority;
  LoopbackPeer peer(tls(authority.issue("api", "IP:127.0.0.1"), authority.certPem()), answerOk);
  const auto material = [&](const std::string& name) {
    const CertificateAndKey client = authority.issue(name, "");
    TlsMaterial made = trusting(authority);
    made.clientCertPem = client.certPem;
    made.clientKeyPem = client.keyPem;
    return std::make_shared<const TlsMaterial>(made);
  };
  std::shared_ptr<const TlsMaterial> current = material("before");
  auto transport = CpprestTransport::create(peer.url(), [&] { return current; });
  ASSERT_TRUE(transport);
  ASSERT_TRUE((*transport)->send(getRequest(), kPlenty, {}));
  ASSERT_TRUE((*transport)->send(getRequest(), kPlenty, {}));
  current = material("after");
  ASSERT_TRUE((*transport)->send(getRequest(), kPlenty, {}));
  const auto requests = peer.requests();
  ASSERT_EQ(requests.size(), 3U);
  EXPECT_EQ(requests[0].clientSubject, "before");
  EXPECT_EQ(requests[1].connection, requests[0].connection);
  EXPECT_EQ(requests[2].clientSubject, "after");
}

TEST(CpprestTls, UnusableMaterialIsAnErrorAndNotACrash) {
  const TestAuthority authority;
  LoopbackPeer peer(tls(authority.issue("api", "IP:127.0.0.1")), answerOk);
  TlsMaterial material;
  material.caPem = "not a certificate";
  const auto response = makeTransport(peer.url(), material)->send(getRequest(), kPlenty, {});
  ASSERT_FALSE(response);
  EXPECT_THAT(response.error().message, HasSubstr("certificate authority"));
}

}  // namespace
}  // namespace vnic::kube
