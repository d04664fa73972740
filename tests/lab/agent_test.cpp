// SPDX-License-Identifier: Apache-2.0
// Node agents at work: what others on the network see of a move, and that nothing stays behind,
// whatever is killed or cut off in between.
#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "lab/lab_test.h"

namespace vnic::lab {
namespace {

using namespace std::chrono_literals;

// The lines of a host's forwarding entries and card filters that name a MAC.
std::string pinsOf(const std::string& host, const std::string& mac) {
  std::istringstream all(lab({"ssh", host, "bridge fdb show"}));
  std::string pins;
  for (std::string line; std::getline(all, line);) {
    const bool pinned = line.find("sticky") != std::string::npos ||
                        line.find("self permanent") != std::string::npos;
    if (line.rfind(mac, 0) == 0 && pinned) pins += line + "\n";
  }
  return pins;
}

// A prober of the lab, from outside of both hosts.
class Probe {
 public:
  explicit Probe(const Guest& guest)
      : label_("agent-" + guest.name + "-" + std::to_string(++count)) {
    lab({"probe", "start", label_, guest.name});
  }
  Json stop() {
    lab({"probe", "stop", label_});
    return Json::parse(lab({"probe", "report", label_}));
  }

 private:
  static inline int count = 0;
  std::string label_;
};

// Somebody on a host's bridge who pings a guest, 20 times a second.
class Neighbour {
 public:
  Neighbour(std::string host, int number, const std::string& address) : host_(std::move(host)) {
    run(fmt::format(
        "ip netns add neighbour && ip link add nb0 type veth peer name nb1 netns neighbour"
        " && ip link set nb0 master br0 up && ip -n neighbour link set nb1 up"
        " && ip -n neighbour address add 10.88.0.{}/24 dev nb1"
        " && (ip netns exec neighbour ping -D -i 0.05 {} >/run/neighbour.log 2>&1 &)",
        number, address));
  }
  ~Neighbour() {
    tryLab({"ssh", host_, "ip netns pids neighbour | xargs -r kill; ip netns del neighbour"});
  }

  // The longest time between two replies, in seconds, and how many there were.
  std::pair<double, int> longestGap() {
    run("ip netns pids neighbour | xargs -r kill -INT; sleep 0.3");
    std::istringstream log(lab({"ssh", host_, "cat /run/neighbour.log"}));
    double last = 0, longest = 0;
    int replies = 0;
    for (std::string line; std::getline(log, line);) {
      if (line.empty() || line[0] != '[' || line.find("icmp_seq") == std::string::npos) continue;
      const double at = std::stod(line.substr(1));
      if (replies++ > 0) longest = std::max(longest, at - last);
      last = at;
    }
    return {longest, replies};
  }

 private:
  void run(const std::string& command) { lab({"ssh", host_, command}); }
  std::string host_;
};

class NodeAgent : public LabTest {
 protected:
  static void SetUpTestSuite() {
    for (const char* host : {"host1", "host2"}) stack({"agent", "start", host});
  }
  static void TearDownTestSuite() {
    for (const char* host : {"host1", "host2"}) stack({"agent", "stop", host});
  }
  void SetUp() override {
    LabTest::SetUp();
    guest_ = useGuest("failover");
    mac_ = guest_.nics[0].mac;
    source_ = hostOf(guest_);
    target_ = otherHost(source_);
  }
  void TearDown() override {
    if (HasFailure()) {
      for (const char* host : {"host1", "host2"}) {
        std::cerr << "----- agent of " << host << "\n" << stack({"agent", "log", host}) << "\n";
      }
    }
    LabTest::TearDown();
  }

  // A copy that takes its time.
  Migration startSlowly() {
    const auto migration = Migration::create(
        guest_.name, {{"targetHostName", target_}, {"policy", {{"bandwidthMiBPerSecond", 4}}}});
    migration.waitCopying(guest_, source_);
    return migration;
  }
  void expectNoPins() {
    for (const std::string host : {"host1", "host2"}) {
      EXPECT_TRUE(eventually(30s, [&] { return pinsOf(host, mac_).empty(); }))
          << host << " still has " << pinsOf(host, mac_);
    }
  }

  Guest guest_;
  std::string mac_, source_, target_;
};

TEST_F(NodeAgent, TellsWhatItSees) {
  const Json agent = object("vmhost", "host1").at("status").at("agent");
  const Json bridge = agent.at("bridges").at(0);
  EXPECT_EQ(bridge.at("name"), "br0");
  EXPECT_EQ(bridge.at("uplink"), "enp1s0");
  EXPECT_EQ(bridge.at("mtu"), 1500);
  EXPECT_EQ(bridge.at("linkUp"), true);
}

// Bridges learn on their uplinks unless somebody forbids it; without an agent a silent guest is
// then unreachable until its VF is back.
TEST_F(NodeAgent, TheGuestIsMissedForItsOwnPauseAndLittleMore) {
  for (const char* host : {"host1", "host2"}) lab({"learning", host, "on"});
  Probe probe(guest_);
  const Json migration = migrate(guest_, target_);
  expectSettled(guest_, target_);
  expectNoPins();
  const Json report = probe.stop();
  for (const char* host : {"host1", "host2"}) lab({"learning", host, "off"});
  const int pause = migration.at("status").at("downtimeMilliseconds");
  const int outage = report.at("outageMilliseconds");
  std::cerr << "outage " << outage << " ms, of which the VM's pause " << pause << " ms\n";
  EXPECT_LT(outage, pause + 1000) << report.dump(2);
}

TEST_F(NodeAgent, NeighboursOnBothHostsKeepReachingTheGuest) {
  const std::string address = Probe(guest_).stop().at("target");
  Neighbour here(source_, 201, address);
  Neighbour there(target_, 202, address);
  const Json migration = migrate(guest_, target_);
  expectSettled(guest_, target_);
  const double pause = migration.at("status").at("downtimeMilliseconds").get<int>() / 1000.0;
  for (Neighbour* neighbour : {&here, &there}) {
    const auto [gap, replies] = neighbour->longestGap();
    std::cerr << "longest gap of a neighbour " << gap << " s, the VM's pause " << pause << " s\n";
    EXPECT_GT(replies, 20);
    EXPECT_LT(gap, pause + 2.5);
  }
}

TEST_F(NodeAgent, WhatOthersMadeStaysAsItIs) {
  const auto look = [&](const std::string& host) {
    return lab({"ssh", host, "bridge fdb show | grep 02:aa:aa:aa:aa; ip link show dev enp2s0"});
  };
  for (const std::string& host : {source_, target_}) {
    lab({"ssh", host,
         "bridge fdb replace 02:aa:aa:aa:aa:01 dev enp1s0 master static;"
         "bridge fdb add 02:aa:aa:aa:aa:02 dev enp1s0 self permanent;"
         "ip link set enp2s0 vf 3 vlan 77 spoofchk off"});
  }
  const std::string before = look(source_) + look(target_);
  migrate(guest_, target_);
  expectSettled(guest_, target_);
  EXPECT_EQ(look(source_) + look(target_), before);
  for (const std::string& host : {source_, target_}) {
    lab({"ssh", host,
         "bridge fdb del 02:aa:aa:aa:aa:01 dev enp1s0 master;"
         "bridge fdb del 02:aa:aa:aa:aa:02 dev enp1s0 self;"
         "ip link set enp2s0 vf 3 vlan 0 spoofchk on"});
  }
}

TEST_F(NodeAgent, KilledWhilePinnedTheNextOneTidiesUp) {
  const auto migration = startSlowly();
  EXPECT_NE(pinsOf(source_, mac_), "") << "the standby carries the guest now";
  stack({"agent", "kill", source_});
  EXPECT_EQ(migration.waitEnd().at("status").at("phase"), "Succeeded");
  EXPECT_NE(pinsOf(source_, mac_), "") << "nobody is there to remove it";
  stack({"agent", "resume", source_});
  expectNoPins();
  expectSettled(guest_, target_);
}

TEST_F(NodeAgent, AbsentOnOneSideIsNoObstacle) {
  stack({"agent", "stop", source_});
  migrate(guest_, target_);
  expectSettled(guest_, target_);
  stack({"agent", "start", source_});
  expectNoPins();
}

TEST_F(NodeAgent, APinGoesInTimeAlsoWithoutTheApiServer) {
  const auto migration = startSlowly();
  stack({"apiserver", "stop"});
  EXPECT_TRUE(eventually(120s, [&] { return lab({"where", guest_.name}) == target_ + "\n"; }));
  EXPECT_TRUE(eventually(10s, [&] { return pinsOf(source_, mac_).empty(); }))
      << pinsOf(source_, mac_);
  stack({"apiserver", "start"});
  // Without the API server it has lost its Lease and ended; a Pod of it would be started again.
  stack({"operator", "restart"});
  EXPECT_EQ(migration.waitEnd().at("status").at("phase"), "Succeeded");
  expectNoPins();
  expectSettled(guest_, target_);
}

TEST_F(NodeAgent, AReservationThatIsDeletedByHandLeavesNoPin) {
  const auto migration = startSlowly();
  ASSERT_NE(pinsOf(source_, mac_), "");
  for (const Json& r : objects("vfreservations")) {
    if (r.at("spec").at("hostName") == source_ && r.at("spec").at("purpose") == "Return") {
      kubectl({"delete", "vfreservation", r.at("metadata").at("name"), "--wait=false"});
    }
  }
  EXPECT_TRUE(eventually(10s, [&] { return pinsOf(source_, mac_).empty(); }))
      << pinsOf(source_, mac_);
  EXPECT_EQ(migration.waitEnd().at("status").at("phase"), "Succeeded");
  expectNoPins();
}

}  // namespace
}  // namespace vnic::lab
