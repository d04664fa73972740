// SPDX-License-Identifier: Apache-2.0
#include "reconcile/described_nic.h"

#include <algorithm>

#include "support/pci_address.h"

namespace vnic::reconcile {

std::shared_ptr<const api::Vnic> describedNic(
    const std::string& ns, const std::string& vmName, const std::string& mac,
    const std::vector<std::shared_ptr<const api::Vnic>>& vnics) {
  const auto found = std::find_if(vnics.begin(), vnics.end(), [&](const auto& vnic) {
    if (vnic->metadata.ns != ns || vnic->spec.vmName != vmName) return false;
    const std::string& known =
        vnic->spec.macAddress.empty() ? vnic->status.macAddress : vnic->spec.macAddress;
    return canonicalMac(known) == mac;
  });
  return found == vnics.end() ? nullptr : *found;
}

}  // namespace vnic::reconcile
