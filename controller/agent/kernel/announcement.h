// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "support/error.h"

namespace vnic::agent::kernel {

// Broadcasts a RARP request that comes from `mac`, as QEMU does for a guest that has moved: every
// switch that it passes learns the way, and nobody answers. `vlan` 0 = untagged.
Status sendAnnouncement(int link, const std::string& mac, int vlan);

}  // namespace vnic::agent::kernel
