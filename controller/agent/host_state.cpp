// SPDX-License-Identifier: Apache-2.0
#include "agent/host_state.h"

#include <algorithm>

namespace vnic::agent {

const Link* HostState::link(int index) const {
  const auto found = std::find_if(links.begin(), links.end(),
                                  [index](const Link& link) { return link.index == index; });
  return found == links.end() ? nullptr : &*found;
}

std::vector<const Link*> HostState::portsOf(int bridge) const {
  std::vector<const Link*> ports;
  for (const Link& link : links) {
    if (link.master == bridge) ports.push_back(&link);
  }
  return ports;
}

std::vector<const Link*> HostState::uplinksOf(int bridge) const {
  std::vector<const Link*> uplinks = portsOf(bridge);
  std::erase_if(uplinks,
                [](const Link* port) { return port->kind == "tun" || port->kind == "veth"; });
  return uplinks;
}

std::set<PciAddress> HostState::cardsOf(const Link& top) const {
  std::set<PciAddress> cards;
  if (top.device) cards.insert(*top.device);
  if (const Link* below = link(top.lower); below != nullptr && below->index != top.index) {
    cards.merge(cardsOf(*below));
  }
  if (top.kind == "bond") {
    for (const Link* port : portsOf(top.index)) cards.merge(cardsOf(*port));
  }
  return cards;
}

const Link* HostState::ofCard(const PciAddress& address) const {
  const auto found = std::find_if(links.begin(), links.end(),
                                  [&](const Link& link) { return link.device == address; });
  return found == links.end() ? nullptr : &*found;
}

}  // namespace vnic::agent
