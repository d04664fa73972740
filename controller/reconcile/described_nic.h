// SPDX-License-Identifier: Apache-2.0
// Which Vnic a NIC of a VM is.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/vnic.h"

namespace vnic::reconcile {

// The Vnic of the VM `vmName` in namespace `ns` that has this MAC address, as asked for or else as
// chosen before; nullptr = nobody has described the NIC. `mac` is canonical.
std::shared_ptr<const api::Vnic> describedNic(
    const std::string& ns, const std::string& vmName, const std::string& mac,
    const std::vector<std::shared_ptr<const api::Vnic>>& vnics);

}  // namespace vnic::reconcile
