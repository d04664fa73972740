// SPDX-License-Identifier: Apache-2.0
// NICs that Vnics plug into VMs and take out of them, without any migration and around one.
#include <algorithm>
#include <set>

#include "lab/lab_test.h"
#include "lab/vnic.h"

namespace vnic::lab {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

// A VM with one virtio NIC that no Vnic describes.
class Plug : public LabTest {
 protected:
  void SetUp() override {
    LabTest::SetUp();
    // Whatever a failed test left must not be met again.
    vm_ = "";
  }
  void TearDown() override {
    LabTest::TearDown();
    if (!vm_.empty()) (void)tryLab({"delete", vm_});
  }

  void start() {
    vm_ = defineGuest("virtio", "host1");
    lab({"wait-guest", vm_, "180"});
  }
  std::string console() const { return lab({"console", vm_}); }
  std::string live() const { return liveXml("host1", vm_); }
  std::string defined() const { return persistentXml("host1", vm_); }

  // Both halves of the pair, with our aliases, at the same places live and defined.
  void expectPair(const TestVnic& vnic, const std::string& xml) const {
    const auto nics = interfacesOf(xml, vnic.mac());
    ASSERT_EQ(nics.size(), 2u) << xml;
    const bool vfFirst = nics[0].type == "hostdev";
    const Interface &vf = nics[vfFirst ? 0 : 1], &standby = nics[vfFirst ? 1 : 0];
    EXPECT_EQ(vf.type, "hostdev");
    EXPECT_EQ(vf.alias, "ua-" + vnic.uid());
    EXPECT_EQ(standby.alias, "ua-" + vnic.uid() + "-standby");
    EXPECT_EQ(vf.standbyAlias, standby.alias);
    EXPECT_NE(vf.guestAddress, standby.guestAddress);
  }

  static bool isSteered(const std::string& mac) {
    const auto vfs = vfsOf("host1");
    return std::any_of(vfs.begin(), vfs.end(), [&](const HostVf& vf) { return vf.mac == mac; });
  }

  std::string vm_;
};

std::set<std::string> places(const std::string& xml, const std::string& mac) {
  std::set<std::string> out;
  for (const Interface& nic : interfacesOf(xml, mac)) {
    // A virtio NIC of a network shows as one of a bridge while it runs.
    const bool vf = nic.type == "hostdev";
    out.insert((vf ? "VF " : "virtio ") + nic.alias + " " + nic.guestAddress);
  }
  return out;
}

TEST_F(Plug, IntoARunningVmStandbyFirstAndOutAgainVfFirst) {
  start();
  const std::string liveBefore = live(), definedBefore = defined();
  const TestVnic vnic(vm_, "blue");
  vnic.waitReady();
  const std::string mac = vnic.mac();
  EXPECT_EQ(mac.substr(0, 9), "52:54:00:");
  expectPair(vnic, live());
  const auto pluggedAt = places(live(), mac);
  EXPECT_EQ(places(defined(), mac), pluggedAt);
  const auto vf = vfIn(live(), mac);
  ASSERT_TRUE(vf);
  EXPECT_THAT(vnic.reservations(), ElementsAre("host1 " + *vf + " InUse"));
  EXPECT_TRUE(isSteered(mac));
  EXPECT_TRUE(eventually(120s, [&] {
    const auto history = historyIn(console(), mac);
    return !history.empty() && history.back() == "standby+vf";
  })) << console();
  // The guest's word and QEMU's have to agree.
  EXPECT_TRUE(eventually(60s, [&] {
    return vnic.object().value(Json::json_pointer("/status/negotiated"), "") == "True";
  })) << vnic.object();
  EXPECT_EQ(condition(vnic.object(), "InSync").at("status"), "True");

  vnic.setState("Detached");
  vnic.waitDetached();
  EXPECT_EQ(live(), liveBefore);
  EXPECT_EQ(defined(), definedBefore);
  EXPECT_TRUE(eventually(30s, [&] { return vnic.reservations().empty(); }));
  EXPECT_FALSE(isSteered(mac));
  EXPECT_TRUE(eventually(30s, [&] { return historyIn(console(), mac).back().empty(); }));
  const auto history = historyIn(console(), mac);
  EXPECT_EQ(history.front(), "");
  EXPECT_THAT(history, testing::Contains("standby+vf"));
  EXPECT_THAT(history, testing::Not(testing::Contains("vf")))
      << "the guest must never see the VF without its standby";

  // In again: the same MAC, and for the guest the same places.
  vnic.setState("Attached");
  kubectl({"wait", "--for=condition=Attached", "vnic/" + vnic.name(), "--timeout=180s"});
  EXPECT_EQ(vnic.mac(), mac);
  expectPair(vnic, live());
  EXPECT_EQ(places(live(), mac), pluggedAt);
}

TEST_F(Plug, IntoTheDefinitionOfAVmThatIsShutOff) {
  vm_ = defineGuest("virtio", "host1", {"--no-start"});
  const std::string before = defined();
  const TestVnic vnic(vm_, "blue");
  vnic.waitReady();
  const std::string mac = vnic.mac();
  expectPair(vnic, defined());
  EXPECT_EQ(condition(vnic.object(), "Attached").at("reason"), "Defined");
  const auto vf = vfIn(defined(), mac);
  ASSERT_TRUE(vf);
  EXPECT_THAT(vnic.reservations(), ElementsAre("host1 " + *vf + " InUse"));
  EXPECT_FALSE(isSteered(mac)) << "a definition moves nothing";

  lab({"virsh", "host1", "start", vm_});
  EXPECT_TRUE(eventually(240s, [&] {
    const auto history = historyIn(console(), mac);
    return !history.empty() && history.back() == "standby+vf";
  }));
  EXPECT_TRUE(eventually(60s, [&] {
    const Json attached = condition(vnic.object(), "Attached");
    return attached.at("reason") == "Attached";
  })) << vnic.object();
  EXPECT_EQ(vfIn(live(), mac), vf);
  EXPECT_EQ(places(live(), mac), places(defined(), mac));

  lab({"virsh", "host1", "destroy", vm_});
  vnic.setState("Detached");
  vnic.waitDetached();
  EXPECT_EQ(interfacesOf(defined(), mac).size(), 0u);
  EXPECT_TRUE(eventually(30s, [&] { return vnic.reservations().empty(); }));
  EXPECT_EQ(defined(), before);
}

TEST_F(Plug, TwoPairsOfOneFailoverProfileThatMoveTogether) {
  start();
  const TestVnic first(vm_, "blue"), second(vm_, "blue");
  first.waitReady();
  second.waitReady();
  for (const TestVnic* vnic : {&first, &second}) {
    expectPair(*vnic, live());
    expectPair(*vnic, defined());
    EXPECT_TRUE(eventually(120s, [&] {
      return vnic->object().value(Json::json_pointer("/status/negotiated"), "") == "True";
    })) << vnic->object();
  }
  EXPECT_NE(vfIn(live(), first.mac()), vfIn(live(), second.mac()));
  const auto firstPlaces = places(live(), first.mac());
  const auto secondPlaces = places(live(), second.mac());

  const Json migration = Migration::create(vm_, {{"targetHostName", "host2"}}).waitEnd();
  EXPECT_EQ(migration.at("status").at("phase"), "Succeeded") << migration;
  const std::string there = liveXml("host2", vm_);
  EXPECT_EQ(places(there, first.mac()), firstPlaces) << "the guest finds its NICs where they were";
  EXPECT_EQ(places(there, second.mac()), secondPlaces);
  for (const TestVnic* vnic : {&first, &second}) {
    EXPECT_TRUE(vfIn(there, vnic->mac()));
    EXPECT_TRUE(eventually(60s, [&] { return vnic->reservations().size() == 1; }));
  }
}

TEST_F(Plug, WaitsWhileTheVmMoves) {
  const Guest guest = useGuest("failover");
  const std::string source = hostOf(guest);
  const auto migration = Migration::create(
      guest.name,
      {{"targetHostName", otherHost(source)}, {"policy", {{"bandwidthMiBPerSecond", 4}}}});
  migration.waitCopying(guest, source);
  const TestVnic vnic(guest.name, "blue-standby");
  EXPECT_TRUE(eventually(30s, [&] {
    return condition(vnic.object(), "Ready").is_object() &&
           condition(vnic.object(), "Ready").at("reason") == "Migrating";
  })) << vnic.object();
  EXPECT_THAT(interfacesOf(liveXml(source, guest.name), vnic.mac()), IsEmpty());
  EXPECT_EQ(migration.waitEnd().at("status").at("phase"), "Succeeded");
  vnic.waitReady();
  EXPECT_EQ(interfacesOf(liveXml(hostOf(guest), guest.name), vnic.mac()).size(), 1u);
  vnic.setState("Detached");
  vnic.waitDetached();
  expectSettled(guest, hostOf(guest));
}

TEST_F(Plug, TheYoungerOfTwoVnicsWithOneMacWaits) {
  const Guest guest = useGuest("failover");
  const std::string name = "test-copy-" + guest.name;
  apply({{"apiVersion", "vnic.dev/v1alpha1"},
         {"kind", "Vnic"},
         {"metadata", {{"name", name}, {"namespace", kNamespace}}},
         {"spec",
          {{"vmName", guest.name},
           {"profile", {{"name", "blue"}}},
           {"macAddress", guest.nics[0].mac}}}});
  EXPECT_TRUE(eventually(30s, [&] {
    const Json ready = condition(object("vnic", name), "Ready");
    return ready.is_object() && ready.at("reason") == "MacAddressConflict";
  })) << object("vnic", name);
  kubectl({"delete", "vnic", name});
  expectSettled(guest, hostOf(guest));
}

}  // namespace
}  // namespace vnic::lab
