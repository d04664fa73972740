// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <libvirt/libvirt.h>

#include <string>

#include "hypervisor/hypervisor.h"

namespace vnic::hypervisor {

// virDomainMigrateToURI3, peer to peer. Blocks for the whole migration.
Status migrate(virDomainPtr domain, const MigrationRequest& request);

// "tcp://10.77.0.12"; an IPv6 address gets its brackets.
std::string streamUri(const std::string& migrationAddress);

// Has libvirt connect to a peer by asking for a migration that it must refuse right after that.
Result<PeerProbe> askForPeer(virConnectPtr connection, const std::string& peerURI);

}  // namespace vnic::hypervisor
