// SPDX-License-Identifier: Apache-2.0
// Between netlink messages and the agent's data.
#pragma once

#include <linux/netlink.h>

#include <optional>
#include <string>
#include <vector>

#include "agent/host_state.h"
#include "agent/kernel/socket.h"
#include "agent/network.h"

namespace vnic::agent::kernel {

Link readLink(const nlmsghdr& message);
// The VFs of a PF; asked for with RTEXT_FILTER_VF.
std::vector<VfSettings> readVfs(const nlmsghdr& message);
// nullopt: not of a bridge or card (ARP caches and the like come over the same group).
std::optional<FdbEntry> readFdbEntry(const nlmsghdr& message);

Request fdbRequest(bool add, const Pin& pin);
// Deletes whatever the port has for the MAC.
Request fdbForget(int port, const std::string& mac);
Request vfRequest(int pf, const VfChange& change);

}  // namespace vnic::agent::kernel
