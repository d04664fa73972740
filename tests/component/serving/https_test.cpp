// SPDX-License-Identifier: Apache-2.0
// HTTPS with certificates that come, change and go wrong while the server runs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>

#include "serving/http_server.h"
#include "serving/server_certificate.h"
#include "support/clock.h"
#include "support/mounted_secret.h"
#include "support/temporary_folder.h"
#include "support/test_certificates.h"
#include "unit/serving/raw_client.h"

namespace vnic::serving {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// A TLS client that trusts one authority.
class TlsClient {
 public:
  TlsClient(std::uint16_t port, const std::string& caFile, int maxVersion = TLS1_3_VERSION)
      : context_(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free), bio_(nullptr, &BIO_free_all) {
    std::signal(SIGPIPE, SIG_IGN);  // a server that hangs up is an error of a write, not our end
    SSL_CTX_load_verify_locations(context_.get(), caFile.c_str(), nullptr);
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_max_proto_version(context_.get(), maxVersion);
    // Old versions need ciphers that OpenSSL itself refuses by default; the server is to refuse.
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
    SSL_CTX_set_security_level(context_.get(), 0);
    bio_.reset(BIO_new_ssl_connect(context_.get()));
    BIO_set_conn_hostname(bio_.get(), ("127.0.0.1:" + std::to_string(port)).c_str());
    connected_ = BIO_do_connect(bio_.get()) == 1;
  }

  bool connected() const { return connected_; }
  // Common name of the server's certificate.
  std::string server() {
    SSL* ssl = nullptr;
    BIO_get_ssl(bio_.get(), &ssl);
    const std::unique_ptr<X509, decltype(&X509_free)> peer(SSL_get1_peer_certificate(ssl),
                                                           &X509_free);
    char name[256] = "";
    if (peer) {
      X509_NAME_get_text_by_NID(X509_get_subject_name(peer.get()), NID_commonName, name,
                                sizeof name);
    }
    return name;
  }
  std::string exchange(const std::string& request) {
    BIO_write(bio_.get(), request.data(), static_cast<int>(request.size()));
    std::string answer;
    char buffer[4096];
    while (answer.find("\r\n\r\n") == std::string::npos || !answer.ends_with("]")) {
      const int n = BIO_read(bio_.get(), buffer, sizeof buffer);
      if (n <= 0) break;
      answer.append(buffer, static_cast<std::size_t>(n));
    }
    return answer;
  }

 private:
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::unique_ptr<BIO, decltype(&BIO_free_all)> bio_;
  bool connected_ = false;
};

class HttpsTest : public ::testing::Test {
 protected:
  HttpsTest() {
    write("ca.crt", authority.certPem());
    certificate = std::make_shared<ServerCertificate>(folder, clock, Logger());
  }

  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder / name) << text;
  }
  void install(const test::CertificateAndKey& pair) {
    write("tls.crt", pair.certPem);
    write("tls.key", pair.keyPem);
  }
  test::CertificateAndKey issue(const std::string& name, int validToDays = 1) {
    return authority.issue(name, "IP:127.0.0.1", -2, validToDays);
  }
  void start(HttpServer::Options options = {}) {
    options.address = "127.0.0.1";
    options.certificate = certificate;
    server = std::make_unique<HttpServer>(
        options,
        [](const Request& request) {
          return Response{200, "text/plain", request.method + " [" + request.body + "]"};
        },
        Logger());
    ASSERT_TRUE(server->start());
  }
  std::string serverName() {
    TlsClient client(server->port(), folder / "ca.crt");
    return client.connected() ? client.server() : "";
  }

  SystemClock clock;
  test::TestAuthority authority;
  test::TemporaryFolder temporary;
  const std::filesystem::path& folder = temporary.path();
  std::shared_ptr<ServerCertificate> certificate;
  std::unique_ptr<HttpServer> server;
};

TEST_F(HttpsTest, AnswersSeveralRequestsOnOneConnection) {
  install(issue("first"));
  start();
  TlsClient client(server->port(), folder / "ca.crt");
  ASSERT_TRUE(client.connected());
  EXPECT_THAT(client.exchange("GET /a HTTP/1.1\r\nHost: x\r\n\r\n"),
              AllOf(StartsWith("HTTP/1.1 200"), EndsWith("GET []")));
  EXPECT_THAT(client.exchange("POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"),
              EndsWith("POST [body]"));
}

TEST_F(HttpsTest, NewCertificateServesFromTheNextConnectionOn) {
  test::mountSecret(folder, issue("first"));
  start();
  TlsClient old(server->port(), folder / "ca.crt");
  EXPECT_EQ(old.server(), "first");
  test::mountSecret(folder, issue("second"));
  EXPECT_EQ(serverName(), "second");
  EXPECT_THAT(old.exchange("GET /a HTTP/1.1\r\nHost: x\r\n\r\n"), EndsWith("GET []"))
      << "a connection outlives the certificate that it began with";
  EXPECT_EQ(certificate->problem(), std::nullopt);
}

TEST_F(HttpsTest, WithoutACertificateNobodyIsServedUntilOneComes) {
  start();
  EXPECT_THAT(certificate->problem().value(), HasSubstr("tls.crt does not exist"));
  EXPECT_EQ(serverName(), "");
  install(issue("late"));
  EXPECT_EQ(serverName(), "late");
  EXPECT_EQ(certificate->problem(), std::nullopt);
}

TEST_F(HttpsTest, WrongFilesLeaveTheLastGoodCertificateInPlace) {
  install(issue("good"));
  start();
  ASSERT_EQ(serverName(), "good");
  write("tls.crt", issue("halfway").certPem);  // the key is still the old one
  EXPECT_EQ(serverName(), "good");
  write("tls.key", "no key at all");
  EXPECT_EQ(serverName(), "good");
  EXPECT_EQ(certificate->problem(), std::nullopt) << "it still serves";
  std::filesystem::remove(folder / "tls.key");
  EXPECT_EQ(serverName(), "good");
  install(issue("mended"));
  EXPECT_EQ(serverName(), "mended");
}

TEST_F(HttpsTest, SaysWhatIsWrongWithTheFirstFiles) {
  write("tls.crt", "no certificate");
  write("tls.key", "no key");
  EXPECT_THAT(certificate->problem().value(), HasSubstr("tls.crt is not a PEM certificate"));
  const auto pair = issue("a");
  write("tls.crt", pair.certPem);
  write("tls.key", issue("b").keyPem);
  EXPECT_THAT(certificate->problem().value(), HasSubstr("tls.key is not the certificate's key"));
  install(pair);
  EXPECT_EQ(certificate->problem(), std::nullopt);
}

TEST_F(HttpsTest, ExpiredCertificateIsAProblem) {
  install(issue("old", -1));
  EXPECT_THAT(certificate->problem().value(), HasSubstr("expired at"));
}

TEST_F(HttpsTest, OldProtocolsAndStrangersAreRefused) {
  install(issue("first"));
  start({.requestTimeout = 300ms});
  EXPECT_FALSE(TlsClient(server->port(), folder / "ca.crt", TLS1_1_VERSION).connected());
  RawClient plain(server->port());
  plain.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(plain.closedByServer());
  RawClient silent(server->port());
  EXPECT_TRUE(silent.closedByServer()) << "a handshake has no more time than a request";
  EXPECT_EQ(serverName(), "first");
}

TEST_F(HttpsTest, WhoeverNeverFinishesAHandshakeKeepsNobodyOut) {
  install(issue("first"));
  start({.maxConnections = 1});
  RawClient silent(server->port());
  EXPECT_EQ(serverName(), "first");
  EXPECT_TRUE(silent.closedByServer());
}

}  // namespace
}  // namespace vnic::serving
