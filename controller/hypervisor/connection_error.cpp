// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/connection_error.h"

#include "hypervisor/error_code.h"

namespace vnic::hypervisor {
namespace {

// libvirt gives the same code to most of these, so only its words tell them apart.
bool says(const Error& error, const char* text) {
  return error.message.find(text) != std::string::npos;
}

}  // namespace

bool isCertificateError(const Error& error) {
  return error.code == kAuthFailed || says(error, "certificate") || says(error, "pkipath") ||
         says(error, "TLS");
}

std::string connectionFix(const Error& error) {
  if (error.kind == ErrorKind::Invalid) return "correct the URI";
  if (says(error, "certificate") && says(error, "expired")) {
    return "renew that certificate; a new one in the same files is used at the next try";
  }
  if (says(error, "TLS confirmation")) {
    return "the host wants another client certificate: put clientcert.pem and clientkey.pem that "
           "its CA has signed where the operator's --libvirt-pki-path or pkipath= points";
  }
  if (isCertificateError(error)) {
    return "check the certificates: one CA on both sides, none expired, the host's name or address "
           "among the server certificate's names, cacert.pem, clientcert.pem and clientkey.pem "
           "where the operator's --libvirt-pki-path or pkipath= points";
  }
  return "start the listening socket (systemctl enable --now libvirtd-tls.socket, or "
         "virtproxyd-tls.socket) and let TCP port 16514 through";
}

}  // namespace vnic::hypervisor
