// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vnic/vf_choice.h"

#include <algorithm>
#include <set>

#include "domain/matching.h"

namespace vnic::reconcile::vnic {
namespace {

std::optional<PciAddress> choose(const Observation& o, const domain::VfInventory& inventory,
                                 const std::set<PciAddress>& avoided) {
  const auto usable = [&](const PciAddress& address) {
    const domain::VfEntry* vf = inventory.find(address);
    const domain::PfEntry* pf = inventory.physicalFunctionOf(address);
    return vf != nullptr && pf->carries(o.profile->spec.network) && !avoided.contains(address) &&
           vf->availableTo(o.vnic->metadata.uid, o.vm.uuid());
  };
  for (const auto& reservation : o.held) {
    if (reservation->spec.hostName != o.vm.host()) continue;
    const auto address = PciAddress::parse(reservation->spec.address);
    if (address && usable(*address)) return address;
  }
  if (o.persistent.vf != nullptr && usable(o.persistent.vf->source)) {
    return o.persistent.vf->source;
  }
  auto supplies = domain::freeSupply(inventory);
  for (auto& supply : supplies) {
    std::erase_if(supply.free, [&](const auto& address) { return avoided.contains(address); });
  }
  return domain::matchVfs({o.profile->spec.network}, supplies).front();
}

}  // namespace

std::optional<PciAddress> chooseVf(const Observation& o, const domain::VfInventory& inventory) {
  static const std::set<PciAddress> kNone;
  const auto first = choose(o, inventory, o.retry ? o.retry->failedVfs : kNone);
  return first ? first : choose(o, inventory, kNone);
}

}  // namespace vnic::reconcile::vnic
