// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/messages.h"

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <array>
#include <cstring>
#include <string>

namespace vnic::agent::kernel {
namespace {

// The attributes of a message or of a nested attribute, by type; absent ones are null.
template <std::size_t Max>
using Attributes = std::array<const nlattr*, Max + 1>;

template <std::size_t Max>
int collect(const nlattr* attribute, void* data) {
  auto& all = *static_cast<Attributes<Max>*>(data);
  const auto type = mnl_attr_get_type(attribute);
  if (type <= Max) all[type] = attribute;
  return MNL_CB_OK;
}

template <std::size_t Max, class Fixed>
Attributes<Max> attributesOf(const nlmsghdr& message) {
  Attributes<Max> all{};
  mnl_attr_parse(&message, sizeof(Fixed), collect<Max>, &all);
  return all;
}

template <std::size_t Max>
Attributes<Max> nested(const nlattr* attribute) {
  Attributes<Max> all{};
  if (attribute != nullptr) mnl_attr_parse_nested(attribute, collect<Max>, &all);
  return all;
}

std::string textOf(const nlattr* attribute) {
  return attribute == nullptr ? std::string() : mnl_attr_get_str(attribute);
}

int numberOf(const nlattr* attribute) {
  return attribute == nullptr ? 0 : static_cast<int>(mnl_attr_get_u32(attribute));
}

// A fixed structure in an attribute; nullptr when it is shorter than it should be.
template <class T>
const T* structOf(const nlattr* attribute) {
  if (attribute == nullptr || mnl_attr_get_payload_len(attribute) < sizeof(T)) return nullptr;
  return static_cast<const T*>(mnl_attr_get_payload(attribute));
}

// Drivers that do not know answer with all ones.
std::optional<bool> switchOf(std::uint32_t setting) {
  if (setting > 1) return std::nullopt;
  return setting == 1;
}

VfSettings readVf(const nlattr* info) {
  const auto all = nested<IFLA_VF_MAX>(info);
  VfSettings vf;
  if (const auto* mac = structOf<ifla_vf_mac>(all[IFLA_VF_MAC])) {
    vf.number = static_cast<int>(mac->vf);
    vf.mac = macOf(mac->mac);
  }
  if (const auto* vlan = structOf<ifla_vf_vlan>(all[IFLA_VF_VLAN])) {
    vf.vlan = static_cast<int>(vlan->vlan);
    vf.qos = static_cast<int>(vlan->qos);
  }
  if (const auto* rate = structOf<ifla_vf_rate>(all[IFLA_VF_RATE])) {
    vf.minRateMbps = static_cast<int>(rate->min_tx_rate);
    vf.maxRateMbps = static_cast<int>(rate->max_tx_rate);
  }
  if (const auto* check = structOf<ifla_vf_spoofchk>(all[IFLA_VF_SPOOFCHK])) {
    vf.spoofCheck = switchOf(check->setting);
  }
  if (const auto* trust = structOf<ifla_vf_trust>(all[IFLA_VF_TRUST])) {
    vf.trusted = switchOf(trust->setting);
  }
  if (const auto* state = structOf<ifla_vf_link_state>(all[IFLA_VF_LINK_STATE])) {
    vf.linkState = state->link_state == IFLA_VF_LINK_STATE_ENABLE    ? VfLinkState::Enable
                   : state->link_state == IFLA_VF_LINK_STATE_DISABLE ? VfLinkState::Disable
                                                                     : VfLinkState::Auto;
  }
  return vf;
}

int appendVf(const nlattr* attribute, void* data) {
  if (mnl_attr_get_type(attribute) == IFLA_VF_INFO) {
    static_cast<std::vector<VfSettings>*>(data)->push_back(readVf(attribute));
  }
  return MNL_CB_OK;
}

Request neighbour(std::uint16_t type, std::uint16_t flags, int link, std::uint16_t state,
                  std::uint8_t neighbourFlags, const std::string& mac) {
  Request request(type, flags);
  auto* fixed = request.fixed<ndmsg>();
  fixed->ndm_family = AF_BRIDGE;
  fixed->ndm_ifindex = link;
  fixed->ndm_state = state;
  fixed->ndm_flags = neighbourFlags;
  const auto bytes = bytesOf(mac);
  mnl_attr_put(request.header(), NDA_LLADDR, bytes.size(), bytes.data());
  return request;
}

template <class T>
void putVf(nlmsghdr* header, std::uint16_t type, const T& value) {
  mnl_attr_put(header, type, sizeof(value), &value);
}

void putChange(nlmsghdr* header, const VfChange& change) {
  const VfSettings& v = change.value;
  const auto vf = static_cast<std::uint32_t>(v.number);
  switch (change.what) {
    case VfChange::What::Mac: {
      ifla_vf_mac mac{};
      mac.vf = vf;
      const auto bytes = bytesOf(v.mac);
      std::memcpy(mac.mac, bytes.data(), bytes.size());
      return putVf(header, IFLA_VF_MAC, mac);
    }
    case VfChange::What::Vlan:
      return putVf(
          header, IFLA_VF_VLAN,
          ifla_vf_vlan{vf, static_cast<std::uint32_t>(v.vlan), static_cast<std::uint32_t>(v.qos)});
    case VfChange::What::Rate:
      return putVf(header, IFLA_VF_RATE,
                   ifla_vf_rate{vf, static_cast<std::uint32_t>(v.minRateMbps),
                                static_cast<std::uint32_t>(v.maxRateMbps)});
    case VfChange::What::Trust:
      return putVf(header, IFLA_VF_TRUST, ifla_vf_trust{vf, v.trusted.value_or(false) ? 1U : 0U});
    case VfChange::What::SpoofCheck:
      return putVf(header, IFLA_VF_SPOOFCHK,
                   ifla_vf_spoofchk{vf, v.spoofCheck.value_or(true) ? 1U : 0U});
    case VfChange::What::LinkState: {
      const auto state = v.linkState == VfLinkState::Enable    ? IFLA_VF_LINK_STATE_ENABLE
                         : v.linkState == VfLinkState::Disable ? IFLA_VF_LINK_STATE_DISABLE
                                                               : IFLA_VF_LINK_STATE_AUTO;
      return putVf(header, IFLA_VF_LINK_STATE,
                   ifla_vf_link_state{vf, static_cast<std::uint32_t>(state)});
    }
  }
}

}  // namespace

Link readLink(const nlmsghdr& message) {
  const auto* fixed = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(&message));
  const auto all = attributesOf<IFLA_MAX, ifinfomsg>(message);
  Link link;
  link.index = fixed->ifi_index;
  link.name = textOf(all[IFLA_IFNAME]);
  if (all[IFLA_ADDRESS] != nullptr) link.mac = macOf(all[IFLA_ADDRESS]);
  const auto info = nested<IFLA_INFO_MAX>(all[IFLA_LINKINFO]);
  link.kind = textOf(info[IFLA_INFO_KIND]);
  if (link.kind == "bridge") {
    const nlattr* filtering = nested<IFLA_BR_MAX>(info[IFLA_INFO_DATA])[IFLA_BR_VLAN_FILTERING];
    link.vlanFiltering = filtering != nullptr && mnl_attr_get_u8(filtering) != 0;
  }
  link.master = numberOf(all[IFLA_MASTER]);
  // The other end of a veth pair may be in another namespace, where the index means something else.
  if (link.kind == "vlan") link.lower = numberOf(all[IFLA_LINK]);
  link.mtu = numberOf(all[IFLA_MTU]);
  link.up = (fixed->ifi_flags & IFF_UP) != 0;
  link.carrier = all[IFLA_CARRIER] != nullptr && mnl_attr_get_u8(all[IFLA_CARRIER]) != 0;
  if (textOf(all[IFLA_PARENT_DEV_BUS_NAME]) == "pci") {
    link.device = PciAddress::parse(textOf(all[IFLA_PARENT_DEV_NAME]));
  }
  return link;
}

std::vector<VfSettings> readVfs(const nlmsghdr& message) {
  const auto all = attributesOf<IFLA_MAX, ifinfomsg>(message);
  std::vector<VfSettings> vfs;
  if (all[IFLA_VFINFO_LIST] != nullptr) {
    mnl_attr_parse_nested(all[IFLA_VFINFO_LIST], appendVf, &vfs);
  }
  return vfs;
}

std::optional<FdbEntry> readFdbEntry(const nlmsghdr& message) {
  const auto* fixed = static_cast<const ndmsg*>(mnl_nlmsg_get_payload(&message));
  if (fixed->ndm_family != AF_BRIDGE) return std::nullopt;
  const auto all = attributesOf<NDA_MAX, ndmsg>(message);
  if (all[NDA_LLADDR] == nullptr) return std::nullopt;
  FdbEntry entry;
  entry.link = fixed->ndm_ifindex;
  entry.mac = macOf(all[NDA_LLADDR]);
  entry.self = (fixed->ndm_flags & NTF_SELF) != 0;
  entry.sticky = (fixed->ndm_flags & NTF_STICKY) != 0;
  entry.learned = !entry.self && (fixed->ndm_state & (NUD_PERMANENT | NUD_NOARP)) == 0;
  return entry;
}

Request fdbRequest(bool add, const Pin& pin) {
  const bool entry = pin.kind == Pin::Kind::Entry;
  const std::uint16_t state = entry ? NUD_NOARP : NUD_PERMANENT;
  // `static` alone still roams to the uplink with the next frame that comes back from outside.
  const std::uint8_t flags = entry ? NTF_MASTER | NTF_STICKY : NTF_SELF;
  if (!add) return neighbour(RTM_DELNEIGH, 0, pin.link, state, flags, pin.mac);
  // A learned entry is taken over; a filter that somebody else made must not become ours.
  const std::uint16_t how = NLM_F_CREATE | (entry ? NLM_F_REPLACE : NLM_F_EXCL);
  return neighbour(RTM_NEWNEIGH, how, pin.link, state, flags, pin.mac);
}

Request fdbForget(int port, const std::string& mac) {
  return neighbour(RTM_DELNEIGH, 0, port, NUD_REACHABLE, NTF_MASTER, mac);
}

Request vfRequest(int pf, const VfChange& change) {
  Request request(RTM_SETLINK, 0);
  request.fixed<ifinfomsg>()->ifi_index = pf;
  nlmsghdr* header = request.header();
  nlattr* list = mnl_attr_nest_start(header, IFLA_VFINFO_LIST);
  nlattr* info = mnl_attr_nest_start(header, IFLA_VF_INFO);
  putChange(header, change);
  mnl_attr_nest_end(header, info);
  mnl_attr_nest_end(header, list);
  return request;
}

}  // namespace vnic::agent::kernel
