// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

namespace vnic::test {

struct CertificateAndKey {
  std::string certPem;
  std::string keyPem;
};

// A certificate authority made for one test. Throws std::runtime_error when OpenSSL fails.
class TestAuthority {
 public:
  explicit TestAuthority(const std::string& name = "test authority");
  ~TestAuthority();
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;

  const std::string& certPem() const;
  // subjectAltName as OpenSSL's configuration writes it: "DNS:api.test,IP:127.0.0.1". The validity
  // is relative to now, in days; a negative end makes an expired certificate.
  CertificateAndKey issue(const std::string& commonName, const std::string& subjectAltName,
                          int validFromDays = -1, int validToDays = 1) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// A certificate that nobody but itself has signed.
CertificateAndKey selfSigned(const std::string& commonName, const std::string& subjectAltName);

}  // namespace vnic::test
