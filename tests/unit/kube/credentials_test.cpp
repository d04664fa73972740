// SPDX-License-Identifier: Apache-2.0
#include "kube/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "support/manual_clock.h"
#include "support/temporary_folder.h"
#include "support/test_certificates.h"

namespace vnic::kube {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;
using test::CertificateAndKey;
using testing::HasSubstr;

class CredentialsTest : public testing::Test {
 protected:
  CredentialsTest() { config_.source = "kubeconfig /x"; }

  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(dir_ / name) << text;
    return (dir_ / name).string();
  }
  std::unique_ptr<Credentials> open() {
    auto credentials = Credentials::open(config_, clock_, Logger());
    if (!credentials) throw std::runtime_error(credentials.error().message);
    return std::move(*credentials);
  }
  std::string refusal() {
    const auto credentials = Credentials::open(config_, clock_, Logger());
    return credentials ? "it was accepted" : credentials.error().message;
  }

  test::TestAuthority authority_;
  test::ManualClock clock_;
  ClusterConfig config_;
  test::TemporaryFolder folder_;
  const fs::path& dir_ = folder_.path();
};

TEST_F(CredentialsTest, ALiteralTokenIsSentAndNoneIsNoHeader) {
  EXPECT_EQ(open()->authorization(), "");
  config_.token = "abc";
  EXPECT_EQ(open()->authorization(), "Bearer abc");
}

TEST_F(CredentialsTest, ATokenFileIsReadAgainEveryMinute) {
  config_.token = "literal";
  config_.tokenFile = write("token", "one\n");
  const auto credentials = open();
  EXPECT_EQ(credentials->authorization(), "Bearer one") << "only the file can be renewed: it wins";
  write("token", "two");
  clock_.advance(seconds(59));
  EXPECT_EQ(credentials->authorization(), "Bearer one");
  clock_.advance(seconds(1));
  EXPECT_EQ(credentials->authorization(), "Bearer two");
}

TEST_F(CredentialsTest, TheOldTokenIsKeptWhileTheFileCannotBeUsed) {
  config_.tokenFile = write("token", "one");
  const auto credentials = open();
  for (const char* content : {"", "\n", "two words", "evil\r\nX-Remote-User: admin"}) {
    write("token", content);
    clock_.advance(seconds(61));
    EXPECT_EQ(credentials->authorization(), "Bearer one") << content;
  }
  fs::remove(config_.tokenFile);
  clock_.advance(seconds(61));
  EXPECT_EQ(credentials->authorization(), "Bearer one");
  write("token", "two");
  clock_.advance(seconds(61));
  EXPECT_EQ(credentials->authorization(), "Bearer two");
}

TEST_F(CredentialsTest, ARefusedTokenIsReadAgainAtOnceButNotForEveryRequestUnderWay) {
  config_.tokenFile = write("token", "one");
  const auto credentials = open();
  EXPECT_FALSE(credentials->refreshAfter401("Bearer one")) << "there is no other";
  write("token", "two");
  EXPECT_TRUE(credentials->refreshAfter401("Bearer one"));
  EXPECT_EQ(credentials->authorization(), "Bearer two");
  write("token", "three");
  EXPECT_TRUE(credentials->refreshAfter401("Bearer one")) << "sent before the last reading";
  EXPECT_EQ(credentials->authorization(), "Bearer two");
}

TEST_F(CredentialsTest, CertificatesKeepTheirPointerUntilTheirContentChanges) {
  const CertificateAndKey first = authority_.issue("first", "");
  config_.caData = authority_.certPem();
  config_.clientCertFile = write("cert", first.certPem);
  config_.clientKeyFile = write("key", first.keyPem);
  const auto credentials = open();
  const auto before = credentials->tls();
  clock_.advance(seconds(61));
  EXPECT_EQ(credentials->tls(), before);

  const CertificateAndKey second = authority_.issue("second", "");
  write("cert", second.certPem);  // the rotation is half done: key and certificate do not fit
  clock_.advance(seconds(61));
  EXPECT_EQ(credentials->tls(), before);
  write("key", second.keyPem);
  clock_.advance(seconds(61));
  ASSERT_NE(credentials->tls(), before);
  EXPECT_EQ(credentials->tls()->clientCertPem, second.certPem);
}

TEST_F(CredentialsTest, DataWinsOverFile) {
  config_.caData = authority_.certPem();
  config_.caFile = (dir_ / "missing").string();
  EXPECT_EQ(open()->tls()->caPem, authority_.certPem());
}

TEST_F(CredentialsTest, WhatCannotBeUsedIsRefusedAtTheStartWithItsName) {
  config_.tokenFile = (dir_ / "none").string();
  EXPECT_THAT(refusal(), HasSubstr(config_.tokenFile));
  config_.tokenFile = write("token", " ");
  EXPECT_THAT(refusal(), HasSubstr(config_.tokenFile));
  config_.tokenFile.clear();
  config_.token = "line\nbreak";
  EXPECT_THAT(refusal(), HasSubstr("token"));
  config_.token.clear();
  config_.caFile = (dir_ / "ca").string();
  EXPECT_THAT(refusal(), HasSubstr(config_.caFile));
  write("ca", "nonsense");
  EXPECT_THAT(refusal(), HasSubstr("certificate authority"));
  config_.caFile.clear();
  const CertificateAndKey client = authority_.issue("c", "");
  config_.clientCertData = client.certPem;
  config_.clientKeyData = authority_.issue("d", "").keyPem;
  EXPECT_THAT(refusal(), HasSubstr("does not belong"));
  config_.clientKeyData = "nonsense";
  EXPECT_THAT(refusal(), HasSubstr("client key"));
  config_.clientCertData = "nonsense";
  EXPECT_THAT(refusal(), HasSubstr("client certificate"));
}

}  // namespace
}  // namespace vnic::kube
