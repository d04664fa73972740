// SPDX-License-Identifier: Apache-2.0
#include "support/test_certificates.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <stdexcept>

namespace vnic::test {
namespace {

using CertPtr = std::unique_ptr<X509, decltype(&X509_free)>;
using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using BioPtr = std::unique_ptr<BIO, decltype(&BIO_free)>;

void require(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(std::string("test certificate: ") + what);
}

std::string drain(BIO* bio) {
  char* data = nullptr;
  const long length = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(length)};
}

std::string pemOf(X509* cert) {
  const BioPtr bio(BIO_new(BIO_s_mem()), &BIO_free);
  require(PEM_write_bio_X509(bio.get(), cert) == 1, "write certificate");
  return drain(bio.get());
}

std::string pemOf(EVP_PKEY* key) {
  const BioPtr bio(BIO_new(BIO_s_mem()), &BIO_free);
  require(PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
          "write key");
  return drain(bio.get());
}

void addExtension(X509* cert, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  require(extension != nullptr, value.c_str());
  X509_add_ext(cert, extension, -1);
  X509_EXTENSION_free(extension);
}

CertPtr unsignedCertificate(const std::string& commonName, EVP_PKEY* key, int fromDays,
                            int toDays) {
  constexpr long kDay = 24L * 3600;
  CertPtr cert(X509_new(), &X509_free);
  X509_set_version(cert.get(), 2);
  long serial = 0;
  require(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1, "serial");
  ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), serial & 0x7fffffffL);
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), fromDays * kDay);
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), toDays * kDay);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(cert.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(commonName.c_str()), -1, -1, 0);
  X509_set_pubkey(cert.get(), key);
  return cert;
}

KeyPtr newKey() {
  KeyPtr key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
  require(key != nullptr, "generate key");
  return key;
}

}  // namespace

struct TestAuthority::Impl {
  KeyPtr key = newKey();
  CertPtr cert{nullptr, &X509_free};
  std::string pem;
};

TestAuthority::TestAuthority(const std::string& name) : impl_(std::make_unique<Impl>()) {
  impl_->cert = unsignedCertificate(name, impl_->key.get(), -2, 2);
  X509* cert = impl_->cert.get();
  X509_set_issuer_name(cert, X509_get_subject_name(cert));
  addExtension(cert, cert, NID_basic_constraints, "critical,CA:TRUE");
  addExtension(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign");
  require(X509_sign(cert, impl_->key.get(), EVP_sha256()) > 0, "sign");
  impl_->pem = pemOf(cert);
}

TestAuthority::~TestAuthority() = default;

const std::string& TestAuthority::certPem() const {
  return impl_->pem;
}

CertificateAndKey TestAuthority::issue(const std::string& commonName,
                                       const std::string& subjectAltName, int validFromDays,
                                       int validToDays) const {
  const KeyPtr key = newKey();
  const CertPtr cert = unsignedCertificate(commonName, key.get(), validFromDays, validToDays);
  X509_set_issuer_name(cert.get(), X509_get_subject_name(impl_->cert.get()));
  if (!subjectAltName.empty()) {
    addExtension(cert.get(), impl_->cert.get(), NID_subject_alt_name, subjectAltName);
  }
  require(X509_sign(cert.get(), impl_->key.get(), EVP_sha256()) > 0, "sign");
  return {pemOf(cert.get()), pemOf(key.get())};
}

CertificateAndKey selfSigned(const std::string& commonName, const std::string& subjectAltName) {
  const KeyPtr key = newKey();
  const CertPtr cert = unsignedCertificate(commonName, key.get(), -1, 1);
  X509_set_issuer_name(cert.get(), X509_get_subject_name(cert.get()));
  addExtension(cert.get(), cert.get(), NID_subject_alt_name, subjectAltName);
  require(X509_sign(cert.get(), key.get(), EVP_sha256()) > 0, "sign");
  return {pemOf(cert.get()), pemOf(key.get())};
}

}  // namespace vnic::test
