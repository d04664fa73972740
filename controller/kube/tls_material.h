// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "support/error.h"

namespace vnic::kube {

// What a TLS connection to the API server needs; PEM texts, not file names.
struct TlsMaterial {
  std::string caPem;          // "" = the system's CAs; otherwise only these
  std::string clientCertPem;  // "" = no client certificate
  std::string clientKeyPem;
  std::string serverName;  // name to verify and to send as SNI, "" = the URL's host
  bool insecureSkipVerify = false;

  bool operator==(const TlsMaterial&) const = default;
};

// Can it be used: PEM that parses, a key that fits its certificate. Found here, a half-written
// rotation or a typing mistake is a sentence; found in a handshake it is "SSL error". Error:
// Terminal.
Status checkTlsMaterial(const TlsMaterial& material);

}  // namespace vnic::kube
