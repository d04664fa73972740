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

// Asks libvirt for a migration that it must refuse right after it has checked the domain and
// connected to the peer: what it says before that is what it would say to the real one.
Result<MoveProbe> askToMove(virConnectPtr connection, const std::string& uuid,
                            const std::string& peerURI);
// The same with any running domain, for the connection's sake.
Result<PeerProbe> askForPeer(virConnectPtr connection, const std::string& peerURI);

}  // namespace vnic::hypervisor
