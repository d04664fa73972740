// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vnic_profile/reconciler.h"

#include <gtest/gtest.h>

#include "api/names.h"
#include "support/fake_hypervisor.h"
#include "support/fake_kube_client.h"
#include "support/manual_clock.h"

namespace vnic::reconcile::vnic_profile {
namespace {

class VnicProfileReconcilerTest : public testing::Test {
 protected:
  VnicProfileReconcilerTest() {
    addHost("host1");
    addProfile("standby", "tenant-blue", false);
    addProfile("blue", "tenant-blue", true, "standby");
  }

  void addHost(const std::string& name) {
    hypervisor.addHost(name);
    hypervisor.setHost(name, "qemu:///system");
    api::VmHost host;
    host.metadata.name = name;
    host.spec.libvirtURI = "qemu:///system";
    host.spec.physicalFunctions = {{"enp1s0", {"tenant-blue"}}};
    client.add(host);
  }
  void addProfile(const std::string& name, const std::string& network, bool passthrough,
                  const std::string& failover = "") {
    api::VnicProfile profile;
    profile.metadata.name = name;
    profile.spec.network = network;
    profile.spec.passthrough = passthrough;
    profile.spec.failover = failover;
    client.add(profile);
  }
  void addVnic(const std::string& name, const std::string& profile) {
    api::Vnic vnic;
    vnic.metadata.ns = "team-a";
    vnic.metadata.name = name;
    vnic.spec.vmName = "db";
    vnic.spec.profile = profile;
    client.add(vnic);
  }
  void pass(const std::string& name) {
    client.sync(profiles);
    client.sync(vnics);
    client.sync(hosts);
    client.sync(reservations);
    for (const auto& host : hosts.list()) (void)hostCache.refresh(host->metadata.name);
    const auto done = reconciler.reconcile({"", name}, {});
    EXPECT_TRUE(done) << done.error().message;
  }
  std::optional<api::VnicProfile> find(const std::string& name) {
    return client.find<api::VnicProfile>({"", name});
  }
  std::string reasonOf(const std::string& profile, const char* type) {
    const auto object = find(profile);
    const auto* condition = api::findCondition(object->status.conditions, type);
    return condition->reason + (condition->status == api::ConditionStatus::True ? "" : "!");
  }
  std::string messageOf(const std::string& profile, const char* type) {
    const auto object = find(profile);
    return api::findCondition(object->status.conditions, type)->message;
  }

  test::FakeKubeClient client;
  test::FakeHypervisor hypervisor;
  test::ManualClock clock;
  cache::Store<api::VnicProfile> profiles;
  cache::Store<api::Vnic> vnics;
  cache::Store<api::VmHost> hosts;
  cache::Store<api::VfReservation> reservations;
  vm_host::HostCache hostCache{hypervisor, clock};
  VnicProfileReconciler reconciler{
      {profiles, vnics, hosts, reservations, hostCache, client, clock}};
};

TEST_F(VnicProfileReconcilerTest, SaysWhereItCanBeUsedAndByWhom) {
  addHost("host2");
  addVnic("web", "blue");
  addVnic("db", "blue");
  pass("blue");
  const auto status = find("blue")->status;
  EXPECT_EQ(reasonOf("blue", "Accepted"), "Accepted");
  EXPECT_EQ(reasonOf("blue", "Ready"), "Ready");
  EXPECT_EQ(status.hosts, (std::vector<api::ServingHost>{{"host1", 4}, {"host2", 4}}));
  EXPECT_EQ(status.vnicCount, 2);
  EXPECT_EQ(status.vnics, (std::vector<std::string>{"team-a/db", "team-a/web"}));
  pass("standby");
  EXPECT_EQ(find("standby")->status.failoverFor, std::vector<std::string>{"blue"});
}

TEST_F(VnicProfileReconcilerTest, WritesNothingWhenNothingChanged) {
  addVnic("db", "blue");
  pass("blue");
  client.forgetWrites();
  pass("blue");
  EXPECT_EQ(client.writes(), std::vector<std::string>{});
}

TEST_F(VnicProfileReconcilerTest, HostWithoutTheStandbysNetworkCannotServe) {
  addHost("host2");
  hypervisor.facts("host2").networks[0].active = false;
  pass("blue");
  EXPECT_EQ(find("blue")->status.hosts, (std::vector<api::ServingHost>{{"host1", 4}}));
}

TEST_F(VnicProfileReconcilerTest, HostsThatAreAwayOrOutOfServiceDoNotCount) {
  addHost("host2");
  client.edit<api::VmHost>({"", "host2"}, [](auto& s) { s.availability = "OutOfService"; });
  pass("blue");
  EXPECT_EQ(find("blue")->status.hosts.size(), 1u);
  hypervisor.setAway("host1", true);
  pass("blue");
  EXPECT_TRUE(find("blue")->status.hosts.empty());
  EXPECT_EQ(reasonOf("blue", "Ready"), "NoHost!");
  EXPECT_EQ(reasonOf("blue", "Accepted"), "Accepted");
}

TEST_F(VnicProfileReconcilerTest, FullHostsAreToldButTheProfileIsFine) {
  hypervisor.facts("host1").physicalFunctions[0].virtualFunctions.resize(1);
  hypervisor.addVm("host1", {.name = "db",
                             .uuid = "u1",
                             .nics = {{.mac = "52:54:00:00:00:01",
                                       .vf = "0000:01:10.0",
                                       .vfAlias = "ua-1",
                                       .guestAddress = "0000:03:00.0",
                                       .teaming = false}}});
  pass("blue");
  EXPECT_EQ(reasonOf("blue", "Ready"), "NoFreeVirtualFunctions");
  EXPECT_EQ(find("blue")->status.hosts, (std::vector<api::ServingHost>{{"host1", 0}}));
}

TEST_F(VnicProfileReconcilerTest, WrongProfileIsNotReadyForTheSameReason) {
  addProfile("odd", "tenant-blue", true, "missing");
  pass("odd");
  EXPECT_EQ(reasonOf("odd", "Accepted"), "FailoverNotFound!");
  EXPECT_EQ(reasonOf("odd", "Ready"), "FailoverNotFound!");
}

TEST_F(VnicProfileReconcilerTest, UsedProfileOutlivesItsDeletionUntilNobodyUsesIt) {
  addVnic("db", "blue");
  pass("blue");
  ASSERT_TRUE(client.remove(api::VnicProfile::resource, {"", "blue"}, {}));
  pass("blue");
  ASSERT_TRUE(find("blue"));
  EXPECT_EQ(reasonOf("blue", "Ready"), "InUse!");
  ASSERT_TRUE(client.remove(api::Vnic::resource, {"team-a", "db"}, {}));
  pass("blue");
  EXPECT_FALSE(find("blue"));
}

TEST_F(VnicProfileReconcilerTest, FailoverOfAnotherProfileOutlivesItsDeletion) {
  pass("standby");
  ASSERT_TRUE(client.remove(api::VnicProfile::resource, {"", "standby"}, {}));
  pass("standby");
  EXPECT_TRUE(find("standby"));
}

TEST_F(VnicProfileReconcilerTest, SurprisingSettingsAreToldWithTheAcceptance) {
  addProfile("alone", "tenant-blue", true);
  pass("alone");
  EXPECT_EQ(reasonOf("alone", "Accepted"), "Accepted");
  const std::string message = messageOf("alone", "Accepted");
  EXPECT_NE(message.find("OutageWhileMigrating"), std::string::npos) << message;
}

TEST_F(VnicProfileReconcilerTest, NamesTheVnicsThatAreNotAsItSays) {
  api::Vnic vnic;
  vnic.metadata.ns = "team-a";
  vnic.metadata.name = "db";
  vnic.spec.vmName = "db";
  vnic.spec.profile = "blue";
  api::setCondition(vnic.status.conditions,
                    {"Attached", api::ConditionStatus::True, 1, "", "Attached", ""}, clock.wall());
  api::setCondition(vnic.status.conditions,
                    {"InSync", api::ConditionStatus::False, 1, "", "VlanDiffers", ""},
                    clock.wall());
  client.add(vnic);
  addVnic("waiting", "blue");
  pass("blue");
  EXPECT_EQ(reasonOf("blue", "InSync"), "VnicsOutOfSync!");
  const std::string message = messageOf("blue", "InSync");
  EXPECT_NE(message.find(": team-a/db (VlanDiffers)"), std::string::npos) << message;
  EXPECT_EQ(message.find("waiting"), std::string::npos);
  pass("standby");
  EXPECT_EQ(reasonOf("standby", "InSync"), "InSync");
}

TEST_F(VnicProfileReconcilerTest, UnusedProfileGoesAtOnce) {
  pass("blue");
  ASSERT_TRUE(client.remove(api::VnicProfile::resource, {"", "blue"}, {}));
  EXPECT_FALSE(find("blue"));
}

}  // namespace
}  // namespace vnic::reconcile::vnic_profile
