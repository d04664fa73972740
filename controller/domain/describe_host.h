// SPDX-License-Identifier: Apache-2.0
// What has to be applied to a cluster before the VMs that a host has already can be moved. Pure.
#pragma once

#include <string>

#include "hypervisor/hypervisor.h"

namespace vnic::domain {

// YAML for `kubectl apply`: the VmHost, a VnicProfile for each kind of NIC with a VF, and a Vnic
// for each such NIC. What libvirt does not tell (which network a PF carries that only VFs without a
// standby use) is named after the PF, with a comment. Comments also name what cannot be described.
// VMs without a namespace in their metadata are in the operator's.
std::string describeHost(const std::string& name, const std::string& libvirtURI,
                         const std::string& operatorNamespace,
                         const hypervisor::HostSnapshot& host);

}  // namespace vnic::domain
