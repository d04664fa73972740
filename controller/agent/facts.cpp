// SPDX-License-Identifier: Apache-2.0
#include "agent/facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "app/version.h"

namespace vnic::agent {
namespace {

// As the CRD bounds them.
constexpr std::size_t kMaxBridges = 256;
constexpr std::size_t kMaxHostVfs = 256;

api::BridgeFacts describe(const HostState& state, const Link& bridge) {
  api::BridgeFacts facts;
  facts.name = bridge.name;
  facts.mtu = bridge.mtu;
  for (const Link* uplink : state.uplinksOf(bridge.index)) {
    if (facts.uplink.empty()) facts.uplink = uplink->name;
    facts.linkUp |= bridge.up && uplink->carrier;
  }
  return facts;
}

// "" = the host does not use it.
std::string useOf(const HostState& state, const Link& vf) {
  if (const Link* master = state.link(vf.master)) return fmt::format("port of {}", master->name);
  if (vf.hasAddress) return fmt::format("{} has an address", vf.name);
  for (const Link& above : state.links) {
    if (above.lower == vf.index) return fmt::format("{} is on top of it", above.name);
  }
  return {};
}

}  // namespace

api::AgentFacts factsOf(const HostState& state, const PciBus& pci) {
  api::AgentFacts facts;
  facts.version = app::kVersion;
  for (const Link& link : state.links) {
    if (link.kind == "bridge") facts.bridges.push_back(describe(state, link));
  }
  for (const PciAddress& vf : pci.allVfs()) {
    const Link* device = state.ofCard(vf);
    if (device == nullptr) continue;
    const std::string use = useOf(state, *device);
    if (!use.empty()) facts.hostVirtualFunctions.push_back({vf.str(), use});
  }
  std::sort(facts.bridges.begin(), facts.bridges.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  if (facts.bridges.size() > kMaxBridges) facts.bridges.resize(kMaxBridges);
  if (facts.hostVirtualFunctions.size() > kMaxHostVfs) {
    facts.hostVirtualFunctions.resize(kMaxHostVfs);
  }
  return facts;
}

}  // namespace vnic::agent
