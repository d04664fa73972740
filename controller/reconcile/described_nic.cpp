// SPDX-License-Identifier: Apache-2.0
#include "reconcile/described_nic.h"

#include <algorithm>

#include "support/pci_address.h"

namespace vnic::reconcile {

std::optional<std::string> recordedMac(const api::Vnic& vnic) {
  for (const std::string* text : {&vnic.spec.macAddress, &vnic.status.macAddress}) {
    if (auto mac = canonicalMac(*text)) return mac;
  }
  return std::nullopt;
}

std::shared_ptr<const api::Vnic> describedNic(
    const std::string& ns, const std::string& vmName, const std::string& mac,
    const std::vector<std::shared_ptr<const api::Vnic>>& vnics) {
  const auto found = std::find_if(vnics.begin(), vnics.end(), [&](const auto& vnic) {
    return vnic->metadata.ns == ns && vnic->spec.vmName == vmName && recordedMac(*vnic) == mac;
  });
  return found == vnics.end() ? nullptr : *found;
}

}  // namespace vnic::reconcile
