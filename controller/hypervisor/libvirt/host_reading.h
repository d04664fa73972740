// SPDX-License-Identifier: Apache-2.0
// What is read from a host over one connection. Each call blocks; run them on a CallLane.
#pragma once

#include <libvirt/libvirt.h>

#include <string>
#include <vector>

#include "hypervisor/hypervisor.h"
#include "hypervisor/libvirt/handles.h"
#include "hypervisor/libvirt/snapshot_cache.h"

namespace vnic::hypervisor {

Result<DomainHandle> lookUp(virConnectPtr connection, const std::string& uuid);
Result<HostSnapshot> readSnapshot(virConnectPtr connection, SnapshotCache& cache);
Result<std::vector<DomainSummary>> readDomains(virConnectPtr connection);
Result<Domain> readDomain(virConnectPtr connection, const std::string& uuid);
Result<JobProgress> readProgress(virConnectPtr connection, const std::string& uuid);

}  // namespace vnic::hypervisor
