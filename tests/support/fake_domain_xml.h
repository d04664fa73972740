// SPDX-License-Identifier: Apache-2.0
// What the fake hypervisor does to definitions.
#pragma once

#include <string>
#include <vector>

#include "hypervisor/hypervisor.h"

namespace vnic::test {

// The device of `xml` that MAC and alias of `deviceXml` name, as text; "" = not there.
std::string findDevice(const std::string& xml, const std::string& deviceXml);
// Where the device names no place in the guest, it gets the first free PCIe port, as libvirt does;
// "" = there is none.
std::string withDevice(const std::string& xml, const std::string& deviceXml);
std::string withoutDevice(const std::string& xml, const std::string& deviceXml);
std::string aliasOfDevice(const std::string& deviceXml);
std::string macOfDevice(const std::string& deviceXml);
std::string sourceVfOfDevice(const std::string& deviceXml);      // 0000:01:10.0
std::string guestAddressOfDevice(const std::string& deviceXml);  // "" = none
std::vector<std::string> aliases(const std::string& xml);
// As libvirt shows a running domain: a NIC of a network is one of that network's bridge, which is
// named beside the network.
std::string asRunning(const std::string& xml, const std::vector<hypervisor::Network>& networks);

}  // namespace vnic::test
