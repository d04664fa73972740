// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pugixml.hpp>
#include <string>
#include <vector>

namespace vnic::domain {

// What libvirt or QEMU will not migrate as far as a <domain> tells, one sentence each. There are
// more (snapshots, block jobs, QEMU's own blockers), which only the hypervisor knows.
std::vector<std::string> findBlockers(const pugi::xml_node& domain);

}  // namespace vnic::domain
