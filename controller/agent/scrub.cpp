// SPDX-License-Identifier: Apache-2.0
#include "agent/scrub.h"

#include <fmt/format.h>

#include <cstdio>

namespace vnic::agent {

std::vector<VfChange> scrubChanges(const VfSettings& now, const std::string& guestMac) {
  VfSettings clean;
  clean.number = now.number;
  clean.mac = kNoMac;
  clean.trusted = false;
  clean.spoofCheck = true;
  std::vector<VfChange> changes;
  const auto unless = [&](bool done, VfChange::What what) {
    if (!done) changes.push_back({what, clean});
  };
  unless(now.mac != guestMac, VfChange::What::Mac);
  unless(now.vlan == 0 && now.qos == 0, VfChange::What::Vlan);
  unless(now.minRateMbps == 0 && now.maxRateMbps == 0, VfChange::What::Rate);
  unless(!now.trusted.value_or(false), VfChange::What::Trust);
  unless(now.spoofCheck.value_or(true), VfChange::What::SpoofCheck);
  unless(now.linkState == VfLinkState::Auto, VfChange::What::LinkState);
  return changes;
}

std::string neutralMac(const std::string& pfMac, int vf) {
  unsigned first = 0, last = 0;
  std::sscanf(pfMac.c_str(), "%2x:", &first);
  std::sscanf(pfMac.c_str() + pfMac.size() - 2, "%2x", &last);
  return fmt::format("{:02x}{}{:02x}", (first | 0x02U) & 0xfeU, pfMac.substr(2, 13),
                     (last + 1U + static_cast<unsigned>(vf)) & 0xffU);
}

}  // namespace vnic::agent
