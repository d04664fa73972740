// SPDX-License-Identifier: Apache-2.0
#include "agent/facts.h"

#include <gtest/gtest.h>

#include "unit/agent/small_host.h"

namespace vnic::agent {
namespace {

using namespace vnic::test;

TEST(Facts, NameBridgesWithTheirUplinks) {
  HostState state = smallHost();
  state.links.push_back(link(9, "alone", "bridge"));
  const api::AgentFacts facts = factsOf(state, FakePci());
  ASSERT_EQ(facts.bridges.size(), 2u);
  EXPECT_EQ(facts.bridges[0], (api::BridgeFacts{"alone", "", 1500, false}));
  EXPECT_EQ(facts.bridges[1], (api::BridgeFacts{"br0", "enp1s0", 1500, true}));
  EXPECT_FALSE(facts.version.empty());
}

TEST(Facts, ABridgeWhoseUplinkHasNoCarrierHasNoLink) {
  HostState state = smallHost();
  state.links[1].carrier = false;
  EXPECT_FALSE(factsOf(state, FakePci()).bridges.at(0).linkUp);
}

struct Case {
  const char* name;
  void (*arrange)(HostState&, Link& vf);
  const char* reason;  // "" = the host does not use it
};

class HostVfs : public testing::TestWithParam<Case> {};

TEST_P(HostVfs, Are) {
  HostState state = smallHost();
  state.links.push_back(link(30, "enp1s0v0", ""));
  Link& vf = state.links.back();
  vf.device = kVf;
  GetParam().arrange(state, vf);
  const auto found = factsOf(state, FakePci()).hostVirtualFunctions;
  if (*GetParam().reason == 0) {
    EXPECT_TRUE(found.empty());
  } else {
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0], (api::HostVirtualFunction{kVf.str(), GetParam().reason}));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, HostVfs,
    testing::Values(Case{"Idle", [](HostState&, Link&) {}, ""},
                    Case{"Address", [](HostState&, Link& vf) { vf.hasAddress = true; },
                         "enp1s0v0 has an address"},
                    Case{"Port", [](HostState&, Link& vf) { vf.master = kBridge; }, "port of br0"},
                    Case{"Vlan",
                         [](HostState& state, Link&) {
                           Link vlan = link(31, "tenant", "vlan");
                           vlan.lower = 30;
                           state.links.push_back(vlan);
                         },
                         "tenant is on top of it"}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace vnic::agent
