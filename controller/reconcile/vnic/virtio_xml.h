// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "api/vnic_profile.h"
#include "domain/domain_xml.h"

namespace vnic::reconcile::vnic {

// The <interface> of a virtio NIC for the profile, on its bridge or else on the libvirt network
// named like its network. As the standby of a failover pair it says so. Without a guest address
// libvirt chooses one.
std::string virtioDeviceXml(const api::VnicProfileSpec& profile, const std::string& mac,
                            const std::string& alias, bool standby,
                            const std::optional<PciAddress>& guestAddress = std::nullopt);

// Names a virtio NIC that is there, for taking it out: by MAC, alias and guest address, because a
// standby shares its MAC with the VF.
std::string virtioDeviceXml(const domain::VirtualNic& nic);

}  // namespace vnic::reconcile::vnic
