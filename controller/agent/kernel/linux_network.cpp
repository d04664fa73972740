// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/linux_network.h"

#include <fmt/format.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "agent/kernel/announcement.h"
#include "agent/kernel/messages.h"

namespace vnic::agent::kernel {
namespace {

std::string nameOf(const Pin& pin) {
  return fmt::format("{} for {} on device {}",
                     pin.kind == Pin::Kind::Entry ? "forwarding entry" : "unicast filter", pin.mac,
                     pin.link);
}

// What is not there needs no removal.
Status goneIsFine(Status done) {
  if (!done && done.error().kind == ErrorKind::NotFound) return {};
  return done;
}

}  // namespace

Result<LinuxNetwork> LinuxNetwork::open() {
  auto socket = Socket::open();
  if (!socket) return fail(socket.error());
  return LinuxNetwork(std::move(*socket));
}

Result<HostState> LinuxNetwork::read() {
  HostState state;
  if (auto done = readLinks(state); !done) return fail(done.error());
  if (auto done = readAddresses(state); !done) return fail(done.error());
  if (auto done = readFdb(state); !done) return fail(done.error());
  return state;
}

Status LinuxNetwork::readLinks(HostState& state) {
  Request request(RTM_GETLINK, NLM_F_DUMP);
  request.fixed<ifinfomsg>();
  mnl_attr_put_u32(request.header(), IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  return socket_.exchange(request, "reading the network devices", [&](const nlmsghdr& message) {
    if (message.nlmsg_type == RTM_NEWLINK) state.links.push_back(readLink(message));
  });
}

Status LinuxNetwork::readAddresses(HostState& state) {
  Request request(RTM_GETADDR, NLM_F_DUMP);
  request.fixed<ifaddrmsg>();
  return socket_.exchange(request, "reading the addresses", [&](const nlmsghdr& message) {
    if (message.nlmsg_type != RTM_NEWADDR) return;
    const auto* address = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(&message));
    if (address->ifa_scope >= RT_SCOPE_LINK) return;
    for (Link& link : state.links) {
      if (link.index == static_cast<int>(address->ifa_index)) link.hasAddress = true;
    }
  });
}

Status LinuxNetwork::readFdb(HostState& state) {
  Request request(RTM_GETNEIGH, NLM_F_DUMP);
  request.fixed<ndmsg>()->ndm_family = AF_BRIDGE;
  return socket_.exchange(request, "reading the forwarding entries", [&](const nlmsghdr& message) {
    if (message.nlmsg_type != RTM_NEWNEIGH) return;
    if (auto entry = readFdbEntry(message)) state.fdb.push_back(std::move(*entry));
  });
}

Status LinuxNetwork::add(const Pin& pin) {
  Request request = fdbRequest(true, pin);
  return socket_.exchange(request, "adding a " + nameOf(pin));
}

Status LinuxNetwork::remove(const Pin& pin) {
  Request request = fdbRequest(false, pin);
  return goneIsFine(socket_.exchange(request, "removing a " + nameOf(pin)));
}

Status LinuxNetwork::forget(int port, const std::string& mac) {
  Request request = fdbForget(port, mac);
  return goneIsFine(
      socket_.exchange(request, fmt::format("forgetting {} on device {}", mac, port)));
}

Result<std::vector<VfSettings>> LinuxNetwork::vfSettings(int pf) {
  Request request(RTM_GETLINK, 0);
  request.fixed<ifinfomsg>()->ifi_index = pf;
  mnl_attr_put_u32(request.header(), IFLA_EXT_MASK, RTEXT_FILTER_VF | RTEXT_FILTER_SKIP_STATS);
  std::vector<VfSettings> vfs;
  const Status done = socket_.exchange(request, fmt::format("reading the VFs of device {}", pf),
                                       [&](const nlmsghdr& message) {
                                         if (message.nlmsg_type == RTM_NEWLINK)
                                           vfs = readVfs(message);
                                       });
  if (!done) return fail(done.error());
  return vfs;
}

Status LinuxNetwork::change(int pf, const VfChange& change) {
  Request request = vfRequest(pf, change);
  return socket_.exchange(request, fmt::format("setting the {} of VF {} of device {}",
                                               toString(change.what), change.value.number, pf));
}

Status LinuxNetwork::announce(int link, const std::string& mac, int vlan) {
  return sendAnnouncement(link, mac, vlan);
}

}  // namespace vnic::agent::kernel
