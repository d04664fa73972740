// SPDX-License-Identifier: Apache-2.0
// The netlink layer against the real kernel.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include "agent/kernel/announcement.h"
#include "agent/kernel/linux_network.h"
#include "agent/kernel/messages.h"
#include "agent/kernel/monitor.h"
#include "component/agent/namespace_host.h"
#include "support/eventually.h"

namespace vnic::agent::kernel {
namespace {

using namespace std::chrono_literals;
using test::kMac;
using testing::HasSubstr;
using testing::Not;

bool eventually(const std::function<bool()>& condition) {
  return test::eventually(10s, condition);
}

class Kernel : public testing::Test {
 protected:
  Pin entry() const { return {Pin::Kind::Entry, host_.indexOf("vnet0"), kMac}; }
  Pin filter() const { return {Pin::Kind::Filter, host_.indexOf("up0"), kMac}; }
  Link find(const std::string& name) {
    const HostState state = network_.read().value();
    for (const Link& link : state.links) {
      if (link.name == name) return link;
    }
    ADD_FAILURE() << "no " << name;
    return {};
  }

  test::NamespaceHost host_;
  LinuxNetwork network_ = LinuxNetwork::open().value();
};

TEST_F(Kernel, LinksAreReadAsTheyAre) {
  host_.ip("link set br0 mtu 1400");
  host_.ip("address add 192.0.2.1/24 dev br0");
  const Link bridge = find("br0");
  EXPECT_EQ(bridge.index, host_.indexOf("br0"));
  EXPECT_EQ(bridge.kind, "bridge");
  EXPECT_EQ(bridge.mtu, 1400);
  EXPECT_TRUE(bridge.up && bridge.hasAddress);
  const Link tap = find("vnet0");
  EXPECT_EQ(tap.kind, "tun");
  EXPECT_EQ(tap.mac, "fe:54:00:cc:00:01");
  EXPECT_EQ(tap.master, bridge.index);
  EXPECT_FALSE(tap.hasAddress) << "a link-local one is none";
  const Link uplink = find("up0");
  EXPECT_EQ(uplink.kind, "veth");
  EXPECT_TRUE(uplink.carrier);
  host_.ip("link set out0 down");
  EXPECT_TRUE(eventually([&] { return !find("up0").carrier; }));
}

TEST_F(Kernel, APinnedMacDoesNotRoam) {
  host_.guestSpeaks();
  ASSERT_TRUE(eventually([&] { return !host_.fdb("vnet0").empty(); }));
  // What happens without a pin: the guest's own announcement comes back from outside.
  host_.outsideSpeaks();
  ASSERT_TRUE(eventually([&] { return !host_.fdb("up0").empty(); }));

  ASSERT_TRUE(network_.add(entry()));
  EXPECT_THAT(host_.fdb("vnet0"), HasSubstr("sticky"));
  EXPECT_THAT(host_.fdb("vnet0"), HasSubstr("static"));
  for (int i = 0; i < 5; ++i) host_.outsideSpeaks();
  // A frame that is known to have come later.
  host_.outsideSpeaks("52:54:00:cc:00:99");
  ASSERT_TRUE(eventually([&] { return !host_.fdb("up0", "52:54:00:cc:00:99").empty(); }));
  EXPECT_EQ(host_.fdb("up0"), "");
  EXPECT_THAT(host_.fdb("vnet0"), HasSubstr("sticky"));

  ASSERT_TRUE(network_.remove(entry()));
  EXPECT_EQ(host_.fdb("vnet0"), "");
  EXPECT_TRUE(network_.remove(entry())) << "what is gone needs no removal";
}

TEST_F(Kernel, APinIsReadAsOne) {
  ASSERT_TRUE(network_.add(entry()));
  ASSERT_TRUE(network_.add(filter()));
  bool entrySeen = false, filterSeen = false;
  const HostState state = network_.read().value();
  for (const FdbEntry& e : state.fdb) {
    if (e.mac != kMac) continue;
    if (e.self && e.link == filter().link) filterSeen = true;
    if (!e.self && e.link == entry().link) entrySeen = e.sticky && !e.learned;
  }
  EXPECT_TRUE(entrySeen);
  EXPECT_TRUE(filterSeen);
}

TEST_F(Kernel, AFilterIsMadeOnceAndRemoved) {
  ASSERT_TRUE(network_.add(filter()));
  EXPECT_THAT(host_.fdb("up0"), HasSubstr("self permanent"));
  const Status again = network_.add(filter());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::AlreadyExists);
  ASSERT_TRUE(network_.remove(filter()));
  EXPECT_EQ(host_.fdb("up0"), "");
  EXPECT_TRUE(network_.remove(filter()));
}

TEST_F(Kernel, ForgettingTakesWhatThePortHasLearned) {
  host_.guestSpeaks();
  ASSERT_TRUE(eventually([&] { return !host_.fdb("vnet0").empty(); }));
  ASSERT_TRUE(network_.forget(host_.indexOf("vnet0"), kMac));
  EXPECT_EQ(host_.fdb("vnet0"), "");
  EXPECT_TRUE(network_.forget(host_.indexOf("vnet0"), kMac));
}

TEST_F(Kernel, ADeviceThatIsGoneIsNotFound) {
  const Status added = network_.add({Pin::Kind::Entry, 4711, kMac});
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().kind, ErrorKind::NotFound);
  EXPECT_THAT(added.error().message, HasSubstr(kMac));
}

TEST_F(Kernel, TheMonitorHearsAGuestBeforeAnybodyLooks) {
  const auto monitor = Monitor::open().value();
  host_.guestSpeaks();
  host_.outsideSpeaks();
  bool heardOnTap = false;
  EXPECT_TRUE(eventually([&] {
    const Changes changes = monitor->wait(100ms);
    for (const FdbEntry& e : changes.heard) {
      heardOnTap |= e.learned && e.mac == kMac && e.link == host_.indexOf("vnet0");
    }
    return heardOnTap;
  }));
}

TEST_F(Kernel, TheMonitorHearsTapsGoAndPinsThatOthersRemove) {
  ASSERT_TRUE(network_.add(entry()));
  const auto monitor = Monitor::open().value();
  host_.bridge(std::string("fdb del ") + kMac + " dev vnet0 master");
  EXPECT_TRUE(eventually([&] { return !monitor->wait(100ms).removed.empty(); }));
  host_.closeTap();
  EXPECT_TRUE(eventually([&] { return monitor->wait(100ms).links; }));
}

TEST_F(Kernel, TheMonitorIsWoken) {
  const auto monitor = Monitor::open().value();
  while (monitor->wait(0ms).links) {
  }
  std::jthread other([&] { monitor->wake(); });
  EXPECT_TRUE(monitor->wait(60s).woken);
}

// The other end of the uplink's cable takes it; the kernel hands over the VLAN beside the frame.
TEST_F(Kernel, AnAnnouncementGoesOutOnItsVlan) {
  const int socket = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
  const int on = 1;
  ASSERT_EQ(setsockopt(socket, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)), 0);
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = host_.indexOf("out0");
  ASSERT_EQ(bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_TRUE(network_.announce(host_.indexOf("up0"), kMac, 7));
  const std::array<unsigned char, 6> sender{0x52, 0x54, 0x00, 0xcc, 0x00, 0x01};
  std::array<unsigned char, 200> frame{};
  std::array<char, 200> control{};
  bool found = false;
  pollfd ready{socket, POLLIN, 0};
  while (!found && poll(&ready, 1, 10000) == 1) {  // others' neighbour discovery comes, too
    iovec part{frame.data(), frame.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    ASSERT_GE(recvmsg(socket, &message, 0), 42);
    if (!std::equal(sender.begin(), sender.end(), frame.begin() + 6)) continue;
    found = true;
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    ASSERT_NE(header, nullptr);
    EXPECT_EQ(reinterpret_cast<const tpacket_auxdata*>(CMSG_DATA(header))->tp_vlan_tci, 7);
    EXPECT_EQ(frame[12] << 8 | frame[13], 0x8035) << "RARP";
    EXPECT_TRUE(std::equal(sender.begin(), sender.end(), frame.begin() + 22)) << "in the body, too";
    EXPECT_EQ(frame[21], 3) << "reverse request";
  }
  EXPECT_TRUE(found);
  close(socket);
}

// This machine's kernel has no PF; a request is at least what the reader understands.
TEST(VfMessages, SayWhatTheyMean) {
  VfChange change;
  change.value.number = 3;
  change.value.mac = "02:00:00:00:00:07";
  change.value.vlan = 120;
  change.value.qos = 2;
  change.value.minRateMbps = 5;
  change.value.maxRateMbps = 50;
  change.value.trusted = true;
  change.value.spoofCheck = false;
  change.value.linkState = VfLinkState::Disable;
  const auto sent = [&](VfChange::What what) {
    change.what = what;
    Request request = vfRequest(9, change);
    return readVfs(*request.header()).at(0);
  };
  EXPECT_EQ(sent(VfChange::What::Mac).mac, change.value.mac);
  EXPECT_EQ(sent(VfChange::What::Mac).number, 3);
  EXPECT_EQ(sent(VfChange::What::Vlan).vlan, 120);
  EXPECT_EQ(sent(VfChange::What::Vlan).qos, 2);
  EXPECT_EQ(sent(VfChange::What::Rate).minRateMbps, 5);
  EXPECT_EQ(sent(VfChange::What::Rate).maxRateMbps, 50);
  EXPECT_EQ(sent(VfChange::What::Trust).trusted, true);
  EXPECT_EQ(sent(VfChange::What::SpoofCheck).spoofCheck, false);
  EXPECT_EQ(sent(VfChange::What::LinkState).linkState, VfLinkState::Disable);
}

}  // namespace
}  // namespace vnic::agent::kernel
