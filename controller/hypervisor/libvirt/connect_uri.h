// SPDX-License-Identifier: Apache-2.0
// Which URIs are given to libvirt. One may name a program to start (command=, netcat=) or switch
// checks of certificates off (no_verify=): here it would do so on the operator's side, and as a
// peer's URI on a host, as root. So only known parameters pass. The schema of VmHost says the same
// first.
#pragma once

#include <string>

#include "support/error.h"

namespace vnic::hypervisor {

// The URI that is really opened: qemu+tls without a pkipath gets the operator's. qemu+tcp, which is
// neither encrypted nor authenticated, is Invalid unless allowed; so is what may start programs.
Result<std::string> connectUri(const std::string& uri, const std::string& pkiPath,
                               bool allowInsecure);

// Whether the libvirt of another host may be told to connect there.
Status checkPeerUri(const std::string& uri);

}  // namespace vnic::hypervisor
