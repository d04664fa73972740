// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/ssl.h>

#include <mutex>
#include <string>
#include <utility>

#include "kube/tls_material.h"

namespace vnic::kube {

// Why the last server certificate was refused; HTTP libraries only say "handshake failed".
class VerifyReport {
 public:
  void set(std::string text) {
    const std::lock_guard lock(mutex_);
    text_ = std::move(text);
  }
  std::string get() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

// Is it an IPv4 or IPv6 address (without brackets)?
bool isIpAddress(const std::string& host);

// Makes a client's context trust what `material` says and nothing else, TLS 1.2 or newer, and check
// the certificate for `host` (a DNS name or an IP address). `report` has to outlive every
// connection. Throws std::runtime_error with the reason: it is for an adapter's callback.
void configureTls(SSL_CTX* context, const TlsMaterial& material, const std::string& host,
                  VerifyReport& report);

}  // namespace vnic::kube
