// SPDX-License-Identifier: Apache-2.0
#include "domain/matching.h"

#include <algorithm>
#include <deque>
#include <tuple>
#include <utility>

namespace vnic::domain {
namespace {

constexpr std::size_t kNone = static_cast<std::size_t>(-1);

bool serves(const VfSupply& supply, const std::string& network) {
  return std::any_of(supply.networks.begin(), supply.networks.end(), [&](const auto& candidate) {
    return candidate == "*" || candidate == network;
  });
}

// NICs and PFs as a bipartite graph, a PF having room for as many NICs as it has free VFs. NICs are
// placed one after the other along augmenting paths. What an augmentation changes in the end is the
// load of the one PF where its path ends, so ending at the cheapest PF in reach keeps the whole
// assignment cheapest (the Hungarian method for costs that are convex in each PF's load).
class Matcher {
 public:
  Matcher(const std::vector<std::string>& networks, const std::vector<VfSupply>& supplies)
      : networks_(networks),
        supplies_(supplies),
        placed_(networks.size(), kNone),
        load_(supplies.size(), 0) {}

  std::vector<std::size_t> run() {
    for (std::size_t nic = 0; nic < networks_.size(); ++nic) place(nic);
    return placed_;
  }

 private:
  auto cost(std::size_t pf) const {
    const VfSupply& supply = supplies_[pf];
    return std::make_tuple(!supply.linkUp, load_[pf], supply.physicalFunction);
  }

  void place(std::size_t nic) {
    std::vector<std::size_t> cameBy(supplies_.size(), kNone);  // the NIC that would move to this PF
    std::deque<std::size_t> nics{nic};
    std::size_t best = kNone;
    while (!nics.empty()) {
      const std::size_t mover = nics.front();
      nics.pop_front();
      for (std::size_t pf = 0; pf < supplies_.size(); ++pf) {
        if (cameBy[pf] != kNone || !serves(supplies_[pf], networks_[mover])) continue;
        cameBy[pf] = mover;
        if (load_[pf] < supplies_[pf].free.size() && (best == kNone || cost(pf) < cost(best))) {
          best = pf;
        }
        for (std::size_t other = 0; other < placed_.size(); ++other) {
          if (placed_[other] == pf) nics.push_back(other);
        }
      }
    }
    if (best == kNone) return;
    ++load_[best];
    for (std::size_t pf = best;;) {
      const std::size_t mover = cameBy[pf];
      pf = std::exchange(placed_[mover], pf);
      if (mover == nic) return;
    }
  }

  const std::vector<std::string>& networks_;
  const std::vector<VfSupply>& supplies_;
  std::vector<std::size_t> placed_;  // NIC -> PF
  std::vector<std::size_t> load_;    // PF -> NICs on it
};

}  // namespace

std::vector<VfSupply> freeSupply(const VfInventory& inventory) {
  std::vector<VfSupply> supplies;
  for (const PfEntry& pf : inventory.physicalFunctions) {
    VfSupply& supply = supplies.emplace_back();
    supply.physicalFunction = pf.address;
    supply.linkUp = pf.linkUp;
    supply.networks = pf.networks;
    for (const VfEntry& vf : pf.virtualFunctions) {
      if (vf.state == VfState::Free) supply.free.push_back(vf.address);
    }
  }
  return supplies;
}

std::vector<std::optional<PciAddress>> matchVfs(const std::vector<std::string>& networks,
                                                const std::vector<VfSupply>& supplies) {
  const std::vector<std::size_t> placed = Matcher(networks, supplies).run();
  std::vector<std::size_t> next(supplies.size(), 0);
  std::vector<std::optional<PciAddress>> result(networks.size());
  for (std::size_t nic = 0; nic < placed.size(); ++nic) {
    if (placed[nic] == kNone) continue;
    const std::size_t pf = placed[nic];
    result[nic] = supplies[pf].free[next[pf]++];
  }
  return result;
}

}  // namespace vnic::domain
