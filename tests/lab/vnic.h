// SPDX-License-Identifier: Apache-2.0
// A Vnic that a test makes for a VM, and a NIC as libvirt and the guest have it.
#pragma once

#include <string>
#include <vector>

#include "lab/tools.h"

namespace vnic::lab {

class TestVnic {
 public:
  // Creates it, in the namespace of the lab's guests.
  TestVnic(const std::string& vm, const std::string& profile);
  ~TestVnic();  // deletes the object; the NIC stays
  TestVnic(const TestVnic&) = delete;
  TestVnic& operator=(const TestVnic&) = delete;

  const std::string& name() const { return name_; }
  Json object() const { return lab::object("vnic", name_); }
  std::string uid() const;
  std::string mac() const;  // as chosen; waits until it is

  // Wait for the condition Ready, or for Attached=False; throw when that is not in time.
  void waitReady() const;
  void setState(const std::string& desiredState) const;
  void waitDetached() const;
  // Reservations that it holds, "host1 0000:01:10.0 InUse".
  std::vector<std::string> reservations() const;

 private:
  std::string name_;
};

// An <interface> of a definition.
struct Interface {
  std::string type;  // hostdev, network, ...
  std::string mac;
  std::string alias;
  std::string standbyAlias;  // of a VF in a pair
  std::string guestAddress;  // 0000:03:00.0
};
std::vector<Interface> interfacesOf(const std::string& domainXml, const std::string& mac);

// What the guest had of the NIC over time, from its console: each is "", "standby", "vf" or
// "standby+vf"; repetitions are left out.
std::vector<std::string> historyIn(const std::string& console, const std::string& mac);

}  // namespace vnic::lab
