// SPDX-License-Identifier: Apache-2.0
#include "kube/tls_context.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>

namespace vnic::kube {
namespace {

using BioPtr = std::unique_ptr<BIO, decltype(&BIO_free)>;
using CertPtr = std::unique_ptr<X509, decltype(&X509_free)>;
using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

BioPtr reader(const std::string& text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free};
}

CertPtr nextCertificate(BIO* bio) {
  CertPtr cert(PEM_read_bio_X509(bio, nullptr, nullptr, nullptr), &X509_free);
  if (!cert) ERR_clear_error();  // the end of the text is an error to OpenSSL
  return cert;
}

[[noreturn]] void refuse(const std::string& what) {
  ERR_clear_error();
  throw std::runtime_error("TLS set-up: " + what);
}

void trustOnly(SSL_CTX* context, const std::string& caPem) {
  X509_STORE* store = X509_STORE_new();
  SSL_CTX_set_cert_store(context, store);  // frees the old one, the system's CAs with it
  const BioPtr bio = reader(caPem);
  int count = 0;
  while (const CertPtr cert = nextCertificate(bio.get())) {
    X509_STORE_add_cert(store, cert.get());
    ++count;
  }
  if (count == 0) refuse("no certificate in the certificate authority data");
}

void useClientCertificate(SSL_CTX* context, const TlsMaterial& material) {
  const BioPtr certs = reader(material.clientCertPem);
  const CertPtr leaf = nextCertificate(certs.get());
  if (!leaf || SSL_CTX_use_certificate(context, leaf.get()) != 1) {
    refuse("the client certificate cannot be used");
  }
  while (CertPtr intermediate = nextCertificate(certs.get())) {
    if (SSL_CTX_add0_chain_cert(context, intermediate.get()) != 1) {
      refuse("the client certificate's chain cannot be used");
    }
    static_cast<void>(intermediate.release());  // add0: the context owns it
  }
  const BioPtr keys = reader(material.clientKeyPem);
  const KeyPtr key(PEM_read_bio_PrivateKey(keys.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
  if (!key || SSL_CTX_use_PrivateKey(context, key.get()) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    refuse("the client key cannot be used");
  }
}

void expectHost(SSL_CTX* context, const std::string& host) {
  X509_VERIFY_PARAM* param = SSL_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_hostflags(
      param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  const int ok = isIpAddress(host) ? X509_VERIFY_PARAM_set1_ip_asc(param, host.c_str())
                                   : X509_VERIFY_PARAM_set1_host(param, host.data(), host.size());
  if (ok != 1) refuse("\"" + host + "\" is no name to verify");
}

// Runs OpenSSL's own verification and keeps its reason.
int verifyAndReport(X509_STORE_CTX* chain, void* report) {
  const int ok = X509_verify_cert(chain);
  const int error = X509_STORE_CTX_get_error(chain);
  static_cast<VerifyReport*>(report)->set(
      error == X509_V_OK ? std::string() : X509_verify_cert_error_string(error));
  return ok;
}

}  // namespace

bool isIpAddress(const std::string& host) {
  in6_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

void configureTls(SSL_CTX* context, const TlsMaterial& material, const std::string& host,
                  VerifyReport& report) {
  if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1) refuse("no TLS 1.2");
  if (!material.caPem.empty()) trustOnly(context, material.caPem);
  if (!material.clientCertPem.empty()) useClientCertificate(context, material);
  if (material.insecureSkipVerify) return;
  expectHost(context, host);
  SSL_CTX_set_cert_verify_callback(context, &verifyAndReport, &report);
}

}  // namespace vnic::kube
