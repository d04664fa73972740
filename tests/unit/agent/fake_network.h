// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "agent/network.h"
#include "agent/watch.h"
#include "unit/agent/small_host.h"

namespace vnic::test {

// A kernel in memory, with the small host's network and a PF whose driver does as the test says.
class FakeNetwork final : public agent::Network {
 public:
  FakeNetwork() {
    for (int number : {0, 1}) {
      agent::VfSettings vf;
      vf.number = number;
      vf.mac = agent::kNoMac;
      vf.trusted = false;
      vf.spoofCheck = true;
      vfs.push_back(vf);
    }
  }

  bool has(const agent::Pin& pin) const {
    return std::any_of(state.fdb.begin(), state.fdb.end(),
                       [&](const agent::FdbEntry& e) { return isPin(e, pin); });
  }

  Result<agent::HostState> read() override { return state; }
  Status add(const agent::Pin& pin) override {
    calls.push_back("add");
    if (failing) return fail(*failing);
    const bool filter = pin.kind == agent::Pin::Kind::Filter;
    if (has(pin) && filter) return fail({ErrorKind::AlreadyExists, "there"});
    std::erase_if(state.fdb, [&](const agent::FdbEntry& e) { return !filter && bridged(e, pin); });
    agent::FdbEntry entry;
    entry.link = pin.link;
    entry.mac = pin.mac;
    entry.self = filter;
    entry.sticky = !filter;
    state.fdb.push_back(entry);
    return {};
  }
  Status remove(const agent::Pin& pin) override {
    calls.push_back(pin.kind == agent::Pin::Kind::Filter ? "remove filter" : "remove entry");
    std::erase_if(state.fdb, [&](const agent::FdbEntry& e) { return isPin(e, pin); });
    return {};
  }
  Status forget(int port, const std::string& mac) override {
    calls.push_back("forget");
    std::erase_if(state.fdb, [&](const agent::FdbEntry& e) {
      return e.learned && e.link == port && e.mac == mac;
    });
    return {};
  }
  Result<std::vector<agent::VfSettings>> vfSettings(int) override { return vfs; }
  Status change(int, const agent::VfChange& change) override {
    using What = agent::VfChange::What;
    if (refused == change.what && (change.what != What::Mac || change.value.mac == agent::kNoMac)) {
      return fail(Error::terminal("the driver cannot"));
    }
    agent::VfSettings& vf = vfs.at(static_cast<std::size_t>(change.value.number));
    const agent::VfSettings& to = change.value;
    switch (change.what) {
      case What::Mac:
        vf.mac = to.mac;
        break;
      case What::Vlan:
        vf.vlan = to.vlan;
        vf.qos = to.qos;
        break;
      case What::Rate:
        vf.minRateMbps = to.minRateMbps;
        vf.maxRateMbps = to.maxRateMbps;
        break;
      case What::Trust:
        vf.trusted = to.trusted;
        break;
      case What::SpoofCheck:
        vf.spoofCheck = to.spoofCheck;
        break;
      case What::LinkState:
        vf.linkState = to.linkState;
        break;
    }
    return {};
  }
  Status announce(int link, const std::string&, int vlan) override {
    calls.push_back("announce " + std::to_string(link) + " " + std::to_string(vlan));
    return {};
  }

  agent::HostState state = smallHost();
  std::vector<agent::VfSettings> vfs;
  std::optional<Error> failing;                  // of add()
  std::optional<agent::VfChange::What> refused;  // by the PF's driver; a MAC only when it is zero
  std::vector<std::string> calls;

 private:
  static bool bridged(const agent::FdbEntry& e, const agent::Pin& pin) {
    return !e.self && e.mac == pin.mac;
  }
  static bool isPin(const agent::FdbEntry& e, const agent::Pin& pin) {
    if (e.link != pin.link || e.mac != pin.mac || e.learned) return false;
    return e.self == (pin.kind == agent::Pin::Kind::Filter);
  }
};

// What happened is what the test says; nobody waits.
class FakeWatch final : public agent::Watch {
 public:
  agent::Changes wait(Duration patience) override {
    lastPatience = patience;
    return std::exchange(next, {});
  }
  void wake() override { next.woken = true; }

  agent::Changes next;
  Duration lastPatience{};
};

}  // namespace vnic::test
