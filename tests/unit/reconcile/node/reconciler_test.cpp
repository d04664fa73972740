// SPDX-License-Identifier: Apache-2.0
#include "reconcile/node/reconciler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/names.h"
#include "support/fake_kube_client.h"
#include "support/manual_clock.h"

namespace vnic::reconcile::node {
namespace {

using api::ConditionStatus;
using testing::HasSubstr;
using testing::IsEmpty;

class NodeReconcilerTest : public testing::Test {
 protected:
  NodeReconcilerTest() {
    node.metadata.name = "node1";
    node.ready = ConditionStatus::True;
    node.internalIP = "192.0.2.11";
  }

  // Passes until one changes nothing; there is no third.
  void settle() {
    for (int i = 0; i < 3; ++i) {
      client.forgetWrites();
      const auto done = pass();
      ASSERT_TRUE(done) << done.error().message;
      if (client.writes().empty()) return;
    }
    ADD_FAILURE() << "passes go on writing";
  }
  Result<Done> pass() {
    node.metadata.resourceVersion += "1";  // another version, as far as the cache can tell
    nodes.replace(there ? std::vector{std::make_shared<const api::Node>(node)}
                        : std::vector<std::shared_ptr<const api::Node>>{});
    client.sync(hosts);
    return reconciler.reconcile({"", "node1"}, {});
  }
  std::optional<api::VmHost> host() { return client.find<api::VmHost>({"", "node1"}); }
  api::Condition nodeReady() {
    const auto conditions = host()->status.conditions;
    const api::Condition* found = api::findCondition(conditions, api::condition::kNodeReady);
    return found == nullptr ? api::Condition{} : *found;
  }
  void addPersonsHost(const std::string& nodeName) {
    api::VmHost theirs;
    theirs.metadata.name = "node1";
    theirs.spec.libvirtURI = "qemu+tls://elsewhere/system";
    theirs.spec.nodeName = nodeName;
    client.add(theirs);
  }

  api::Node node;
  bool there = true;
  test::FakeKubeClient client;
  test::ManualClock clock;
  cache::Store<api::Node> nodes;
  cache::Store<api::VmHost> hosts;
  NodeReconciler reconciler{{nodes, hosts, client, clock, Logger()},
                            {"qemu+tls://{internalIP}/system"}};
};

TEST_F(NodeReconcilerTest, ANodeGetsAHostOnce) {
  settle();
  ASSERT_TRUE(host());
  EXPECT_EQ(host()->spec.libvirtURI, "qemu+tls://192.0.2.11/system");
  EXPECT_EQ(host()->spec.nodeName, "node1");
  EXPECT_EQ(nodeReady().reason, "NodeReady");
}

TEST_F(NodeReconcilerTest, TheUriFollowsTheNode) {
  settle();
  node.internalIP = "192.0.2.12";
  settle();
  EXPECT_EQ(host()->spec.libvirtURI, "qemu+tls://192.0.2.12/system");
}

// The kubelet says the address, some time after the Node was made (again).
TEST_F(NodeReconcilerTest, ANodeWithoutAnAddressIsWaitedFor) {
  node.internalIP.clear();
  settle();
  EXPECT_FALSE(host());
  node.internalIP = "192.0.2.11";
  settle();
  ASSERT_TRUE(host());
  node.internalIP.clear();
  node.ready = ConditionStatus::Unknown;
  settle();
  EXPECT_EQ(host()->spec.libvirtURI, "qemu+tls://192.0.2.11/system");
  EXPECT_EQ(nodeReady().reason, "NodeNotReady");
}

TEST_F(NodeReconcilerTest, ACordonedNodeTakesNoVms) {
  settle();
  node.cordoned = true;
  settle();
  EXPECT_EQ(host()->spec.availability, "NoInbound");
  EXPECT_EQ(nodeReady().reason, "NodeCordoned");
  node.cordoned = false;
  settle();
  EXPECT_EQ(host()->metadata.annotations.count(api::kCordonedAnnotation), 0u);
  EXPECT_EQ(nodeReady().reason, "NodeReady");
}

// Who said it is what counts: OutOfService gives up what a host holds, and a person's NoInbound
// does not end with the cordon.
TEST_F(NodeReconcilerTest, WhatAPersonSaysOfAvailabilityStays) {
  for (const char* said : {"OutOfService", "NoInbound"}) {
    settle();
    client.edit<api::VmHost>({"", "node1"}, [&](auto& spec) { spec.availability = said; });
    node.cordoned = true;
    settle();
    EXPECT_EQ(host()->spec.availability, said);
    EXPECT_EQ(host()->metadata.annotations.count(api::kCordonedAnnotation), 0u);
    node.cordoned = false;
    settle();
    EXPECT_EQ(host()->spec.availability, said);
  }
}

TEST_F(NodeReconcilerTest, ANodeThatIsNotReadyOrGoneIsUnknownAndNothingElse) {
  settle();
  const auto before = host()->spec;
  node.ready = ConditionStatus::False;
  settle();
  EXPECT_EQ(nodeReady().status, ConditionStatus::Unknown);
  EXPECT_EQ(nodeReady().reason, "NodeNotReady");
  node.ready = ConditionStatus::Unknown;
  settle();
  EXPECT_EQ(nodeReady().reason, "NodeNotReady");
  there = false;
  settle();
  EXPECT_EQ(nodeReady().status, ConditionStatus::Unknown);
  EXPECT_EQ(nodeReady().reason, "NodeGone");
  EXPECT_THAT(nodeReady().message, HasSubstr("OutOfService"));
  EXPECT_EQ(host()->spec, before);
  there = true;
  node.ready = ConditionStatus::True;
  settle();
  EXPECT_EQ(nodeReady().reason, "NodeReady");
}

TEST_F(NodeReconcilerTest, APersonsHostOnlyFollowsTheCordon) {
  addPersonsHost("node1");
  node.cordoned = true;
  settle();
  EXPECT_EQ(host()->spec.libvirtURI, "qemu+tls://elsewhere/system");
  EXPECT_EQ(host()->spec.availability, "NoInbound");
}

TEST_F(NodeReconcilerTest, AHostThatIsNotTheNodesIsLeftAloneAndTheFixIsTold) {
  addPersonsHost("");
  const auto refused = pass();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::Terminal);
  EXPECT_THAT(refused.error().message, HasSubstr("spec.nodeName"));
  there = false;
  EXPECT_TRUE(pass());
  EXPECT_THAT(client.writes(), IsEmpty());
}

TEST_F(NodeReconcilerTest, APausedHostIsLeftAlone) {
  settle();
  api::VmHost paused = *host();
  paused.metadata.annotations[api::kPausedAnnotation] = "true";
  client.add(paused);
  node.cordoned = true;
  settle();
  EXPECT_EQ(host()->spec.availability, "Enabled");
}

// Somebody has taken a field over, by force or by Git: it stays theirs, and the condition says what
// that means for the cordon.
TEST_F(NodeReconcilerTest, AFieldOfSomebodyElseIsNotTaken) {
  settle();
  node.cordoned = true;
  client.failNext("apply", "vmhosts", {ErrorKind::OwnershipConflict, "conflict with git", 409});
  ASSERT_TRUE(pass());
  EXPECT_EQ(host()->spec.availability, "Enabled");
  EXPECT_EQ(nodeReady().reason, "AvailabilityKept");
}

}  // namespace
}  // namespace vnic::reconcile::node
