// SPDX-License-Identifier: Apache-2.0
// What a host's kernel shows of its network, as the agent's rules need it. Only data.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "support/pci_address.h"

namespace vnic::agent {

// A network device. Indexes are never given twice until the next boot.
struct Link {
  int index = 0;
  std::string name;
  std::string mac;
  std::string kind;  // "bridge", "tun", "vlan", "bond", ...; "" = a card's own
  int master = 0;    // index of the bridge or bond that it is a port of, 0 = none
  int lower = 0;     // index of the device that it is on top of (VLANs), 0 = none
  int mtu = 0;       // bytes
  bool up = false;   // administratively
  bool carrier = false;
  bool hasAddress = false;             // an IP address that is not only link-local
  bool vlanFiltering = false;          // of a bridge: it tells VLANs apart
  std::optional<PciAddress> device{};  // of the card

  bool operator==(const Link&) const = default;
};

// An entry of a bridge's forwarding database, or (`self`) of a card's unicast filter.
struct FdbEntry {
  int link = 0;  // the port, or the card's device
  std::string mac;
  bool self = false;
  bool learned = false;  // by the bridge itself: it ages and roams
  bool sticky = false;   // does not roam

  bool operator==(const FdbEntry&) const = default;
};

struct HostState {
  std::vector<Link> links;
  std::vector<FdbEntry> fdb;

  const Link* link(int index) const;
  std::vector<const Link*> portsOf(int bridge) const;
  // The ports through which a bridge reaches the outside: all but those of guests and containers.
  std::vector<const Link*> uplinksOf(int bridge) const;
  // The cards that a device ends in, through VLANs and bonds.
  std::set<PciAddress> cardsOf(const Link& link) const;
  // The device of a card.
  const Link* ofCard(const PciAddress& address) const;
};

enum class VfLinkState { Auto, Enable, Disable };

// How a PF treats one of its VFs.
struct VfSettings {
  int number = 0;
  std::string mac;  // kNoMac = none was set
  int vlan = 0;
  int qos = 0;
  int minRateMbps = 0;
  int maxRateMbps = 0;
  std::optional<bool> trusted;     // nullopt: the driver does not say
  std::optional<bool> spoofCheck;  // nullopt: the driver does not say
  VfLinkState linkState = VfLinkState::Auto;

  bool operator==(const VfSettings&) const = default;
};

inline constexpr char kNoMac[] = "00:00:00:00:00:00";

}  // namespace vnic::agent
