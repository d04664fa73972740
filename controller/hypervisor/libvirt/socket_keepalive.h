// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace vnic::hypervisor {

// Turns on TCP's own keep-alive for every TCP connection of this process, and a limit for what
// nobody acknowledges. libvirt's keep-alive begins only once a connection is open: an attempt whose
// host dies in the middle would wait for ever. And where it gives a connection up, a second call
// that waits in it hears of that only from the socket.
void enableSocketKeepalive();

}  // namespace vnic::hypervisor
