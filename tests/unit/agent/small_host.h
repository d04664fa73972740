// SPDX-License-Identifier: Apache-2.0
// A host for tests of the agent's rules: bridge br0 with the PF of two VFs as its uplink and one
// guest's tap.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "agent/host_state.h"
#include "agent/network.h"
#include "agent/path_rules.h"

namespace vnic::test {

inline constexpr char kGuestMac[] = "52:54:00:cc:00:01";
inline constexpr char kTapMac[] = "fe:54:00:cc:00:01";
inline constexpr int kBridge = 1, kUplink = 2, kTap = 3, kOtherTap = 4, kOtherCard = 5;
inline const PciAddress kPf = *PciAddress::parse("0000:01:00.0");
inline const PciAddress kVf = *PciAddress::parse("0000:01:10.0");
inline const PciAddress kVf2 = *PciAddress::parse("0000:01:10.2");
inline const PciAddress kOtherPf = *PciAddress::parse("0000:02:00.0");

inline agent::Link link(int index, const std::string& name, const std::string& kind, int master = 0,
                        const std::string& mac = "") {
  agent::Link link;
  link.index = index;
  link.name = name;
  link.kind = kind;
  link.master = master;
  link.mac = mac;
  link.mtu = 1500;
  link.up = link.carrier = true;
  return link;
}

inline agent::HostState smallHost() {
  agent::HostState state;
  state.links = {link(kBridge, "br0", "bridge"), link(kUplink, "enp1s0", "", kBridge),
                 link(kTap, "vnet0", "tun", kBridge, kTapMac),
                 link(kOtherTap, "vnet1", "tun", kBridge, "fe:54:00:99:99:99"),
                 link(kOtherCard, "enp2s0", "")};
  state.links[1].device = kPf;
  state.links[4].device = kOtherPf;
  return state;
}

inline agent::FdbEntry learned(int port, const std::string& mac = kGuestMac) {
  agent::FdbEntry entry;
  entry.link = port;
  entry.mac = mac;
  entry.learned = true;
  return entry;
}

inline agent::Claim claim(agent::Stage stage) {
  agent::Claim claim;
  claim.reservation = "host1.0000-01-10.0";
  claim.mac = kGuestMac;
  claim.vf = kVf;
  claim.stage = stage;
  claim.standby = true;
  return claim;
}

inline const agent::Pin kEntry{agent::Pin::Kind::Entry, kTap, kGuestMac};
inline const agent::Pin kFilter{agent::Pin::Kind::Filter, kUplink, kGuestMac};

// A bus whose VFs do as the test says.
class FakePci final : public agent::PciBus {
 public:
  std::optional<Place> placeOf(const PciAddress& vf) const override {
    if (vf == kVf) return Place{kPf, 0};
    if (vf == kVf2) return Place{kPf, 1};
    return std::nullopt;
  }
  std::vector<PciAddress> allVfs() const override { return {kVf, kVf2}; }
  bool openByGuest(const PciAddress& vf) const override { return open.contains(vf); }
  bool drivenByGuest(const PciAddress& vf) const override { return driven.contains(vf); }

  std::set<PciAddress> open;
  std::set<PciAddress> driven;
};

}  // namespace vnic::test
