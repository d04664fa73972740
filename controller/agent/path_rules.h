// SPDX-License-Identifier: Apache-2.0
// When the standby's path of a NIC is kept open on this host. Pure: the same claim, memory and view
// give the same plan.
//
// What has to hold while a VM moves (measured on emulated and true of real cards):
// - While a VF has the MAC, the card gives it all that comes from outside, also when nobody reads
//   there. With the MAC in the unicast filter of the bridge's uplink the bridge gets a copy; the
//   guest drops the copies for as long as its VF works, so nothing is doubled.
// - The bridge has to hand what it gets to the standby's tap, whatever it has heard elsewhere: a
//   card shows the bridge frames of its own VFs and even the bridge's own broadcasts.
// - But while the guest's VF works, what the bridge hands to the tap is lost, also what
//   other VMs of this host send. So the entry is there only while the VF does not work; without one
//   the bridge floods, and both ways get it.
// - On the target no entry before the guest runs there: it would swallow what the host's other VMs
//   send to a guest that still runs elsewhere. QEMU announces the guest when it runs, and the
//   bridge learns the MAC from the tap.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/claim.h"
#include "agent/host_state.h"
#include "agent/network.h"
#include "support/clock.h"

namespace vnic::agent {

// How long the filter outlives the moment when the guest's VF began to work: the guest switches
// over meanwhile.
inline constexpr Duration kSettle = std::chrono::seconds(1);
// How long a path is kept open for a VF that was plugged in, but that the guest does not use.
inline constexpr Duration kLinger = std::chrono::seconds(10);

// What is remembered of a NIC between looks. All of it may be lost at any time.
struct Seen {
  int learnedOn = 0;             // tap from which the bridge once heard the MAC
  std::optional<Stage> stage{};  // at the last look, and since when
  MonoTime stageSince{};
  std::optional<bool> vfWorks{};  // at the last look, and since when
  MonoTime vfWorksSince{};
  bool forgotten = false;  // since then: what the bridge had learned of the tap
};

struct View {
  const HostState& state;
  const std::set<Pin>& ours;  // the pins that we made and have not removed
  // Port and MAC of what bridges have learned since the last look. It may be gone again.
  const std::set<std::pair<int, std::string>>& heard;
  const std::set<PciAddress>& working;          // VFs whose driver runs in the guest
  const std::map<PciAddress, PciAddress>& pfs;  // of the claims' VFs
  MonoTime now;
};

struct Announcement {
  int link = 0;
  int vlan = 0;
};

struct PathPlan {
  const Link* tap = nullptr;  // of the standby, nullptr = none here
  std::vector<Pin> pins;      // all that should be there, in the order to make them
  std::optional<int> forget;  // port whose learned entry for the MAC leads to a dead end
  std::vector<Announcement> announcements;
  bool watch = false;             // the VF may begin or cease to work any moment: look often
  std::optional<Duration> again;  // when time alone changes the plan
};

PathPlan planPath(const Claim& claim, const View& view, Seen& seen);

// The MAC that libvirt gives the tap of a guest's NIC.
std::string tapMac(const std::string& guestMac);

}  // namespace vnic::agent
