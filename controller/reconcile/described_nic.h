// SPDX-License-Identifier: Apache-2.0
// Which Vnic a NIC of a VM is.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/vnic.h"

namespace vnic::reconcile {

// The MAC address that it asks for, or else that was chosen before, canonical; nullopt = neither.
std::optional<std::string> recordedMac(const api::Vnic& vnic);

// The Vnic of the VM `vmName` in namespace `ns` with this recorded MAC address; nullptr = nobody
// has described the NIC. `mac` is canonical.
std::shared_ptr<const api::Vnic> describedNic(
    const std::string& ns, const std::string& vmName, const std::string& mac,
    const std::vector<std::shared_ptr<const api::Vnic>>& vnics);

}  // namespace vnic::reconcile
