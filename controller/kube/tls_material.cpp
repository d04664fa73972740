// SPDX-License-Identifier: Apache-2.0
#include "kube/tls_material.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>

namespace vnic::kube {
namespace {

using BioPtr = std::unique_ptr<BIO, decltype(&BIO_free)>;
using CertPtr = std::unique_ptr<X509, decltype(&X509_free)>;
using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

// Never asks the terminal for the password of an encrypted key.
int noPassword(char*, int, int, void*) {
  return 0;
}

CertPtr firstCertificate(const std::string& pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
  CertPtr cert(PEM_read_bio_X509(bio.get(), nullptr, &noPassword, nullptr), &X509_free);
  ERR_clear_error();
  return cert;
}

KeyPtr privateKey(const std::string& pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, &noPassword, nullptr), &EVP_PKEY_free);
  ERR_clear_error();
  return key;
}

}  // namespace

Status checkTlsMaterial(const TlsMaterial& material) {
  if (!material.caPem.empty() && !firstCertificate(material.caPem)) {
    return fail(Error::terminal("the certificate authority is not a PEM certificate"));
  }
  if (material.clientCertPem.empty() && material.clientKeyPem.empty()) return {};
  const CertPtr cert = firstCertificate(material.clientCertPem);
  if (!cert) return fail(Error::terminal("the client certificate is not a PEM certificate"));
  const KeyPtr key = privateKey(material.clientKeyPem);
  if (!key) return fail(Error::terminal("the client key is not an unencrypted PEM private key"));
  const bool fits = X509_check_private_key(cert.get(), key.get()) == 1;
  ERR_clear_error();
  if (!fits)
    return fail(Error::terminal("the client key does not belong to the client certificate"));
  return {};
}

}  // namespace vnic::kube
