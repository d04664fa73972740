// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vm_host/reconciler.h"

#include <gtest/gtest.h>

#include "api/names.h"
#include "support/fake_hypervisor.h"
#include "support/fake_kube_client.h"
#include "support/manual_clock.h"

namespace vnic::reconcile::vm_host {
namespace {

using namespace std::chrono_literals;

class VmHostReconcilerTest : public testing::Test {
 protected:
  VmHostReconcilerTest() {
    hypervisor.addHost("host1");
    api::VmHost host;
    host.metadata.name = "host1";
    host.spec.libvirtURI = "qemu+tls://host1/system";
    host.spec.physicalFunctions = {{"enp1s0", {"tenant-blue"}}};
    client.add(host);
  }

  Done pass() {
    client.sync(hosts);
    client.sync(reservations);
    client.sync(vnics);
    client.sync(profiles);
    const auto done = reconciler.reconcile({"", "host1"}, {});
    EXPECT_TRUE(done) << done.error().message;
    return done.value_or(Done{});
  }
  api::VmHostStatus status() { return client.find<api::VmHost>({"", "host1"})->status; }
  std::string reasonOf(const char* type) {
    const auto conditions = status().conditions;
    return api::findCondition(conditions, type)->reason;
  }

  test::FakeKubeClient client;
  test::FakeHypervisor hypervisor;
  test::ManualClock clock;
  cache::Store<api::VmHost> hosts;
  cache::Store<api::VfReservation> reservations;
  cache::Store<api::Vnic> vnics;
  cache::Store<api::VnicProfile> profiles;
  HostCache hostCache{hypervisor, clock};
  VmHostReconciler reconciler{
      {hosts, reservations, vnics, profiles, hypervisor, hostCache, client, clock, Logger()},
      {.operatorNamespace = "vnic-system"}};
};

TEST_F(VmHostReconcilerTest, ConnectsAndShowsWhatTheHostHas) {
  hypervisor.addVm("host1", {.name = "db",
                             .uuid = "u1",
                             .vnicNamespace = "team-a",
                             .nics = {{.mac = "52:54:00:00:00:01",
                                       .vf = "0000:01:10.0",
                                       .vfAlias = "ua-1",
                                       .guestAddress = "0000:03:00.0",
                                       .teaming = false}}});
  EXPECT_EQ(pass().requeueAfter, Duration(30s));
  const auto now = status();
  EXPECT_EQ(now.observedGeneration, 1);
  EXPECT_TRUE(api::isTrue(now.conditions, api::condition::kReady)) << reasonOf("Ready");
  EXPECT_EQ(now.libvirtVersion, "11.3.0");
  EXPECT_EQ(now.vmCount, 1);
  EXPECT_EQ(now.virtualFunctions, (api::VirtualFunctionTotals{4, 3, 0, 1, 0}));
  EXPECT_EQ(now.physicalFunctions[0].virtualFunctions[0],
            (api::VirtualFunctionStatus{"0000:01:10.0", "InUse", "vm db"}));
}

TEST_F(VmHostReconcilerTest, WritesNothingWhenNothingChanged) {
  pass();
  client.forgetWrites();
  clock.advance(30s);
  pass();
  EXPECT_EQ(client.writes(), std::vector<std::string>{});
}

TEST_F(VmHostReconcilerTest, HostThatIsAwayIsUnknownNotEmpty) {
  pass();
  hypervisor.setAway("host1", true);
  EXPECT_EQ(pass().requeueAfter, Duration(5s));
  const auto now = status();
  EXPECT_EQ(reasonOf("Connected"), "Unreachable");
  EXPECT_EQ(reasonOf("VersionSupported"), "HostUnknown");
  EXPECT_EQ(now.virtualFunctions.total, 4);
  client.forgetWrites();
  clock.advance(5s);
  pass();
  EXPECT_EQ(client.writes(), std::vector<std::string>{}) << "being away still is no news";
  hypervisor.setAway("host1", false);
  pass();
  EXPECT_EQ(reasonOf("Ready"), "Ready");
}

TEST_F(VmHostReconcilerTest, ForgetsADeletedHost) {
  pass();
  ASSERT_TRUE(client.remove(api::VmHost::resource, {"", "host1"}, {}));
  pass();
  EXPECT_EQ(hostCache.get("host1"), nullptr);
  EXPECT_FALSE(hypervisor.snapshot("host1")) << "the connection is dropped";
}

TEST_F(VmHostReconcilerTest, PausedHostIsLeftAloneAndSaysSo) {
  api::VmHost host = *client.find<api::VmHost>({"", "host1"});
  host.metadata.annotations[api::kPausedAnnotation] = "true";
  client.add(host);
  pass();
  EXPECT_EQ(reasonOf("Ready"), "Paused");
  EXPECT_EQ(hostCache.get("host1"), nullptr);
  client.forgetWrites();
  pass();
  EXPECT_EQ(client.writes(), std::vector<std::string>{});
}

TEST_F(VmHostReconcilerTest, StaleCacheIsAConflictNotAnOverwrite) {
  client.sync(hosts);
  client.edit<api::VmHost>({"", "host1"}, [](auto& spec) { spec.availability = "NoInbound"; });
  const auto done = reconciler.reconcile({"", "host1"}, {});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::Conflict);
}

}  // namespace
}  // namespace vnic::reconcile::vm_host
