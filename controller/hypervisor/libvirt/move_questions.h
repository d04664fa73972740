// SPDX-License-Identifier: Apache-2.0
// What the preflight of a move asks a host. Each call blocks; run them on a CallLane.
#pragma once

#include <libvirt/libvirt.h>

#include <set>
#include <string>

#include "hypervisor/hypervisor.h"

namespace vnic::hypervisor {

Result<MoveObstacles> readObstacles(virConnectPtr connection, const std::string& uuid);
Result<std::set<std::string>> readGuestDevices(virConnectPtr connection, const std::string& uuid);
Result<Suitability> readSuitability(virConnectPtr connection, const GuestNeeds& needs);

}  // namespace vnic::hypervisor
