// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "support/test_certificates.h"

namespace vnic::test {

// Puts files, by name, into `folder` as the kubelet puts a Secret into a Pod and changes it:
// another folder each time, and one symlink that moves to it.
void mountSecret(const std::filesystem::path& folder,
                 const std::map<std::string, std::string>& files);

// The same for a server's pair: tls.crt and tls.key.
void mountSecret(const std::filesystem::path& folder, const CertificateAndKey& pair);

// The same for a client of libvirt: cacert.pem, clientcert.pem and clientkey.pem.
void mountLibvirtSecret(const std::filesystem::path& folder, const std::string& caPem,
                        const CertificateAndKey& pair);

}  // namespace vnic::test
