// SPDX-License-Identifier: Apache-2.0
// What a VmHost says of itself: a pure function of what is known.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/vm_host.h"
#include "api/vnic.h"
#include "api/vnic_profile.h"
#include "domain/vf_inventory.h"
#include "reconcile/vm_host/host_cache.h"

namespace vnic::reconcile::vm_host {

struct StatusInput {
  const api::VmHost& host;
  const HostFacts& facts;
  std::vector<domain::ReservationPtr> reservations;
  // Of NICs that may keep VMs where they are.
  std::vector<std::shared_ptr<const api::Vnic>> vnics;
  std::vector<std::shared_ptr<const api::VnicProfile>> profiles;
  std::string operatorNamespace;  // of VMs whose definition names none
  WallTime now;
};

// Oldest versions that the operator works with; failover needs this QEMU.
inline constexpr hypervisor::Version kOldestLibvirt{7, 0, 0};
inline constexpr hypervisor::Version kOldestQemu{5, 2, 0};
inline constexpr std::size_t kMaxListedVms = 200;

// Starts from the status that the host has: while it cannot be read, versions, VMs and VFs stay as
// they were seen last, and the conditions say so.
api::VmHostStatus buildStatus(const StatusInput& input);

// "Running", ... as in the status of VMs.
const char* toString(hypervisor::DomainState state);

}  // namespace vnic::reconcile::vm_host
