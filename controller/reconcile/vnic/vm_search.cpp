// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vnic/vm_search.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

namespace vnic::reconcile::vnic {
namespace {

struct Sighting {
  vm_host::HostFactsPtr facts;
  const domain::ParsedDomain* domain;
};

// From the most to the least convincing place for a VM to be.
enum class Rank { Running, Paused, Defined };

Rank rankOf(const domain::ParsedDomain& domain) {
  switch (domain.summary.state) {
    case hypervisor::DomainState::Running:
      return Rank::Running;
    case hypervisor::DomainState::Paused:
      return Rank::Paused;
    default:
      return Rank::Defined;
  }
}

VmSearch choose(const std::vector<Sighting>& sightings, const std::string& name) {
  std::vector<Sighting> best;
  for (const Sighting& sighting : sightings) {
    if (!best.empty() && rankOf(*best[0].domain) < rankOf(*sighting.domain)) continue;
    if (!best.empty() && rankOf(*sighting.domain) < rankOf(*best[0].domain)) best.clear();
    best.push_back(sighting);
  }
  VmSearch result;
  if (best.size() == 1) {
    result.verdict = VmSearch::Verdict::Found;
    result.facts = best[0].facts;
    result.domain = best[0].domain;
    return result;
  }
  std::vector<std::string> places;
  places.reserve(best.size());
  for (const Sighting& sighting : best) places.push_back(sighting.facts->host);
  result.verdict = VmSearch::Verdict::Ambiguous;
  result.message = fmt::format("VM {} is {} on several hosts: {}", name,
                               rankOf(*best[0].domain) == Rank::Defined ? "defined" : "active",
                               fmt::join(places, ", "));
  return result;
}

}  // namespace

const std::string& namespaceOf(const domain::DomainDescription& description,
                               const std::string& operatorNamespace) {
  return description.vnicNamespace.empty() ? operatorNamespace : description.vnicNamespace;
}

VmSearch findVm(const std::string& ns, const std::string& name,
                const std::vector<vm_host::HostFactsPtr>& hosts,
                const std::string& operatorNamespace) {
  std::vector<Sighting> sightings;
  std::vector<std::string> unknown;
  std::vector<std::string> otherNamespaces;
  for (const auto& facts : hosts) {
    if (!facts->reachable()) {
      unknown.push_back(facts->host);
      continue;
    }
    for (const domain::ParsedDomain& domain : facts->domains) {
      const domain::DomainDescription* description = domain.current();
      if (description == nullptr || domain.summary.name != name) continue;
      if (namespaceOf(*description, operatorNamespace) == ns) {
        sightings.push_back({facts, &domain});
      } else {
        otherNamespaces.push_back(facts->host);
      }
    }
  }
  VmSearch result;
  if (!sightings.empty()) {
    result = choose(sightings, name);
    result.unknownHosts = std::move(unknown);
    return result;
  }
  if (!unknown.empty()) {
    result.verdict = VmSearch::Verdict::Unknown;
    result.message = fmt::format("VM {} is on no host that answers; no answer from {}", name,
                                 fmt::join(unknown, ", "));
    return result;
  }
  result.verdict = VmSearch::Verdict::NotFound;
  result.message = fmt::format("No host has a VM {} of namespace {}", name, ns);
  if (!otherNamespaces.empty()) {
    result.message += fmt::format(
        "; on {} a VM of that name belongs to another namespace by its libvirt metadata "
        "(<vnic:vm xmlns:vnic=\"https://vnic.dev/libvirt\" namespace=...>)",
        fmt::join(otherNamespaces, ", "));
  }
  return result;
}

}  // namespace vnic::reconcile::vnic
