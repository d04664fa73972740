// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/host_state.h"
#include "agent/network.h"
#include "api/vm_host.h"

namespace vnic::agent {

// What libvirt cannot tell of a host: its bridges with their uplinks, and the VFs that the host
// itself uses (an address, or a port of a bridge or bond).
api::AgentFacts factsOf(const HostState& state, const PciBus& pci);

}  // namespace vnic::agent
