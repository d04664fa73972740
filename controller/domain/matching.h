// SPDX-License-Identifier: Apache-2.0
// Gives each NIC of a VM a VF. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "domain/vf_inventory.h"
#include "support/pci_address.h"

namespace vnic::domain {

// The VFs of one PF that may be given away.
struct VfSupply {
  PciAddress physicalFunction;
  bool linkUp = false;
  std::vector<std::string> networks;  // {"*"} = any
  std::vector<PciAddress> free;
};

std::vector<VfSupply> freeSupply(const VfInventory& inventory);

// `networks[i]` is what NIC i needs; the result has a VF per NIC, nullopt = it cannot be served. As
// many NICs as possible are served (a matching, not first come: a NIC that could use two PFs leaves
// the one to a NIC that has no other), earlier NICs before later ones. Among such assignments PFs
// with link come first, then an even spread over PFs, so that one PF's failure hits few NICs of a
// VM. The same input always gives the same result.
std::vector<std::optional<PciAddress>> matchVfs(const std::vector<std::string>& networks,
                                                const std::vector<VfSupply>& supplies);

}  // namespace vnic::domain
