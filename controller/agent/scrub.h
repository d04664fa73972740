// SPDX-License-Identifier: Apache-2.0
// What a VF must not keep from its last guest. Pure.
#pragma once

#include <string>
#include <vector>

#include "agent/network.h"

namespace vnic::agent {

// What is left to change: MAC of the guest gone, no VLAN, no rates, not trusted, spoof check on,
// link like the PF's. What the driver does not show is left alone. Empty = clean.
std::vector<VfChange> scrubChanges(const VfSettings& now, const std::string& guestMac);

// For drivers that refuse to forget a MAC: a locally administered one of nobody's, made of the
// PF's.
std::string neutralMac(const std::string& pfMac, int vf);

}  // namespace vnic::agent
