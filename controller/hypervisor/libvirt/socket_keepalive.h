// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace vnic::hypervisor {

// Turns on TCP's own keep-alive for every TCP connection of this process. libvirt's keep-alive
// begins only once a connection is open: an attempt whose host dies in the middle would wait for
// ever.
void enableSocketKeepalive();

}  // namespace vnic::hypervisor
