// SPDX-License-Identifier: Apache-2.0
// What a VnicProfile says of itself: a pure function of what is known.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/vm_host.h"
#include "api/vnic.h"
#include "api/vnic_profile.h"
#include "domain/vf_inventory.h"
#include "reconcile/vm_host/host_cache.h"
#include "reconcile/vnic_profile/rules.h"

namespace vnic::reconcile::vnic_profile {

struct StatusInput {
  const api::VnicProfile& profile;
  std::vector<ProfilePtr> profiles;
  std::vector<VnicPtr> vnics;  // of all profiles
  std::vector<std::shared_ptr<const api::VmHost>> hosts;
  const vm_host::HostCache& hostCache;
  domain::ReservationsByHost reservations;
  WallTime now;
};

inline constexpr std::size_t kMaxListedUsers = 100;
inline constexpr std::size_t kMaxListedHosts = 500;

Users usersOf(const StatusInput& input);

// The hosts that answer, are in service and have what the profile needs: a PF that carries the
// network, the active libvirt network of the virtio NIC; a bridge cannot be seen through libvirt
// and counts as there. With free VFs, 0 for profiles that need none.
std::vector<api::ServingHost> servingHosts(const StatusInput& input);

api::VnicProfileStatus buildStatus(const StatusInput& input);

}  // namespace vnic::reconcile::vnic_profile
