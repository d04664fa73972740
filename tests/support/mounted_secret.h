// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "support/test_certificates.h"

namespace vnic::test {

// Puts the pair into `folder` as tls.crt and tls.key, as the kubelet puts a Secret into a Pod and
// changes it: another folder each time, and one symlink that moves to it.
void mountSecret(const std::filesystem::path& folder, const CertificateAndKey& pair);

}  // namespace vnic::test
