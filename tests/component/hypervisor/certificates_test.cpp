// SPDX-License-Identifier: Apache-2.0
// The libvirt adapter and the certificates of both sides, against a TLS server on loopback: every
// way in which they do not fit is told as that, and new files are used without a restart.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "hypervisor/connection_error.h"
#include "hypervisor/libvirt/libvirt_hypervisor.h"
#include "support/eventually.h"
#include "support/loopback_peer.h"
#include "support/mounted_secret.h"
#include "support/temporary_folder.h"

namespace vnic::hypervisor {
namespace {

using namespace std::chrono_literals;
using test::LoopbackPeer;
using test::TestAuthority;
using testing::HasSubstr;
using testing::Not;

// What is said of a host that has accepted the client's certificate and then says nothing of use:
// the server here sends TLS session tickets and no libvirt. A certificate that it refuses is an
// input/output error.
constexpr char kAccepted[] = "Unable to read TLS confirmation: Resource temporarily unavailable";

class Certificates : public testing::Test {
 protected:
  Certificates() { mountClient(authority_.issue("operator", "DNS:operator")); }

  void mountClient(const test::CertificateAndKey& client) {
    test::mountLibvirtSecret(pki_.path(), authority_.certPem(), client);
  }

  // A host that wants a client certificate of our authority, and after the handshake says nothing.
  LoopbackPeer host(const test::CertificateAndKey& certificate) {
    return {{certificate, authority_.certPem(), "127.0.0.1"}, [](auto&, auto&) {}};
  }

  void connect(const LoopbackPeer& host) {
    LibvirtOptions options;
    options.pkiPath = pki_.path();
    options.connectTimeout = 1s;
    options.reconnectInitial = 5ms;
    options.reconnectCap = 20ms;
    hypervisor_ = std::make_unique<LibvirtHypervisor>(Logger(), options);
    hypervisor_->setHost("host1",
                         "qemu+tls://127.0.0.1:" + std::to_string(host.port()) + "/system");
  }

  // The error, once it says `text`; else the last one.
  Error awaitError(const std::string& text) {
    Error error;
    test::eventually(20s, [&] {
      error = hypervisor_->snapshot("host1").error();
      return error.message.find(text) != std::string::npos;
    });
    return error;
  }

  TestAuthority authority_;
  test::TemporaryFolder pki_;
  std::unique_ptr<LibvirtHypervisor> hypervisor_;
};

const char kAddress[] = "IP:127.0.0.1";

TEST_F(Certificates, ThatFitAreAccepted) {
  const auto peer = host(authority_.issue("host1", kAddress));
  connect(peer);
  EXPECT_THAT(awaitError(kAccepted).message, HasSubstr(kAccepted));
}

TEST_F(Certificates, ThatHaveExpiredAreNamedAndNewOnesUsedWithoutARestart) {
  mountClient(authority_.issue("operator", "DNS:operator", -3, -1));
  const auto peer = host(authority_.issue("host1", kAddress));
  connect(peer);
  const Error expired = awaitError("expired");
  EXPECT_THAT(expired.message, HasSubstr("clientcert.pem"));
  EXPECT_TRUE(isCertificateError(expired)) << expired.message;
  EXPECT_THAT(connectionFix(expired), HasSubstr("renew that certificate"));

  mountClient(authority_.issue("operator", "DNS:operator"));
  EXPECT_THAT(awaitError(kAccepted).message, HasSubstr(kAccepted));
}

TEST_F(Certificates, ThatAreMissingAreToldWithThePlace) {
  std::filesystem::remove(pki_.path() / "cacert.pem");
  const auto peer = host(authority_.issue("host1", kAddress));
  connect(peer);
  const Error missing = awaitError("cacert.pem");
  EXPECT_THAT(missing.message, HasSubstr("cacert.pem"));
  EXPECT_TRUE(isCertificateError(missing)) << missing.message;
}

TEST_F(Certificates, OfTheHostAreCheckedForNameDateAndAuthority) {
  const TestAuthority other("other authority");
  for (const auto& wrong :
       {authority_.issue("host2", "DNS:host2"), authority_.issue("host1", kAddress, -3, -1),
        other.issue("host1", kAddress)}) {
    const auto peer = host(wrong);
    connect(peer);
    const Error refused = awaitError("certificate");
    EXPECT_TRUE(isCertificateError(refused)) << refused.message;
    EXPECT_THAT(connectionFix(refused), HasSubstr("certificate"));
  }
}

TEST_F(Certificates, AreNeverShown) {
  const auto client = TestAuthority("other authority").issue("operator", "DNS:operator");
  mountClient(client);
  const auto peer = host(authority_.issue("host1", kAddress));
  connect(peer);
  const Error refused = awaitError("certificate");
  EXPECT_TRUE(isCertificateError(refused)) << refused.message;
  EXPECT_THAT(refused.message, Not(HasSubstr("PRIVATE KEY")));
}

}  // namespace
}  // namespace vnic::hypervisor
