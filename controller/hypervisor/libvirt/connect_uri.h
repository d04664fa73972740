// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "support/error.h"

namespace vnic::hypervisor {

// The URI that is really opened: qemu+tls without a pkipath gets the operator's. qemu+tcp, which is
// neither encrypted nor authenticated, is Invalid unless allowed.
Result<std::string> connectUri(const std::string& uri, const std::string& pkiPath,
                               bool allowInsecure);

}  // namespace vnic::hypervisor
