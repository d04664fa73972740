// SPDX-License-Identifier: Apache-2.0
// A host's network in a namespace of the test's own: a bridge, a veth pair as its uplink, and a tap
// for a guest. What is there is asked of iproute2, not of the code under test.
#pragma once

#include <string>

#include "agent/host_state.h"

namespace vnic::test {

inline constexpr char kMac[] = "52:54:00:cc:00:01";

class NamespaceHost {
 public:
  // Moves this process into a new namespace and builds in it; throws std::runtime_error.
  NamespaceHost();
  ~NamespaceHost();
  NamespaceHost(const NamespaceHost&) = delete;
  NamespaceHost& operator=(const NamespaceHost&) = delete;

  // `ip` or `bridge` with arguments; throws when it fails.
  std::string ip(const std::string& arguments) const;
  std::string bridge(const std::string& arguments) const;
  int indexOf(const std::string& device) const;

  // A broadcast with `mac` as its sender: out of the guest, or in through the uplink.
  void guestSpeaks(const std::string& mac = kMac) const;
  void outsideSpeaks(const std::string& mac = kMac) const;

  // The guest's QEMU has gone, and its tap with it.
  void closeTap();

  // The FDB lines of a device that name the MAC.
  std::string fdb(const std::string& device, const std::string& mac = kMac) const;

 private:
  int tap_ = -1;
};

}  // namespace vnic::test
