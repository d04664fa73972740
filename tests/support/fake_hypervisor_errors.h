// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "support/error.h"

namespace vnic::test {

// An error as the adapter gives it: libvirt's code decides the kind.
Error libvirtError(int code, std::string message);
// No route to the host of that URI.
Error unreachable(const std::string& uri);
// What the caller of a migration gets.
Error canceledByClient();  // (78/10), after an abort
Error peerLost();          // (1/7), the target's daemon does not answer the source's any more
Error callerLost();        // (38/7), the caller's own connection broke
Error targetQemuDied();    // (9/10)
Error sourceQemuDied();    // (9/10)

}  // namespace vnic::test
