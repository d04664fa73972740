// SPDX-License-Identifier: Apache-2.0
// Reads QEMU's answers of the monitor (QMP). Pure: text in, facts out; the text is data from a host
// and never trusted.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "support/error.h"

namespace vnic::hypervisor {

// query-pci: the ids of all devices that the guest can see, behind bridges as well.
Result<std::set<std::string>> parsePciIds(std::string_view answer);

// query-migrate: "blocked-reasons"; QEMU before 6.0 has none.
Result<std::vector<std::string>> parseBlockedReasons(std::string_view answer);

}  // namespace vnic::hypervisor
