// SPDX-License-Identifier: Apache-2.0
// The part of the observation that is asked of hosts for one VM.
#include <fmt/format.h>

#include <algorithm>

#include "reconcile/vm_migration/effects.h"
#include "reconcile/vm_migration/observer.h"
#include "reconcile/vm_migration/preflight.h"

namespace vnic::reconcile::vm_migration {
namespace {

// Puts an answer where it belongs, or says why there is none.
template <class T>
void keep(const Result<T>& answer, std::optional<T>& place, std::string& unanswered) {
  if (answer) {
    place = *answer;
  } else {
    unanswered += (unanswered.empty() ? "" : "; ") + answer.error().message;
  }
}

Candidate* unexamined(Observation& o, const PreflightResult& result, Observer::Ask ask) {
  for (Candidate& c : o.candidates) {
    if (c.examination) continue;
    if (ask == Observer::Ask::UntilOneFits && &c == result.chosen) return &c;
    if (ask == Observer::Ask::UntilOneFits) continue;
    for (const HostVerdict& verdict : result.hosts) {
      if (verdict.candidate == &c && verdict.violations.empty()) return &c;
    }
  }
  return nullptr;
}

}  // namespace

void Observer::examine(Observation& o, Ask ask) const {
  const Sighting* source = nullptr;
  for (const Sighting& sighting : o.sightings) {
    if (!sighting.active) continue;
    if (source != nullptr) return;  // runs twice: nothing is asked, and nothing done
    source = &sighting;
  }
  if (source == nullptr) return;
  // libvirt remembers of a VM that somebody spoke to its QEMU, so one that nobody described is not
  // even asked.
  const auto isDescribed = [](const Nic& nic) { return nic.vnic != nullptr; };
  if (!std::all_of(o.nics.begin(), o.nics.end(), isDescribed)) return;
  o.examination = examineVm(*source);
  while (true) {
    const PreflightResult result = preflight(o, *source);
    Candidate* next = unexamined(o, result, ask);
    if (next == nullptr) return;
    next->examination = examineHost(o, *source, *next, result.vm.violations.empty());
  }
}

VmExamination Observer::examineVm(const Sighting& source) const {
  VmExamination out;
  const std::string& uuid = source.domain.uuid;
  const auto domain = ports_.hypervisor.domain(source.host, uuid);
  if (!domain) {
    out.unanswered = domain.error().message;
    return out;
  }
  keep(domain::readRequirements(domain->liveXml), out.requirements, out.unanswered);
  keep(ports_.hypervisor.moveObstacles(source.host, uuid), out.obstacles, out.unanswered);
  if (source.description.passthroughNics().empty()) return out;
  std::string unasked;  // that QEMU cannot be asked is a warning or a refusal, as the policy says
  keep(ports_.hypervisor.guestDevices(source.host, uuid), out.guestDevices, unasked);
  return out;
}

HostExamination Observer::examineHost(const Observation& o, const Sighting& source,
                                      const Candidate& candidate, bool probe) const {
  HostExamination out;
  if (o.examination->requirements) {
    keep(ports_.hypervisor.suitability(candidate.name(), o.examination->requirements->host),
         out.suitability, out.unanswered);
  }
  if (probe) {
    keep(ports_.hypervisor.probeMove(source.host, source.domain.uuid,
                                     peerUriOf(candidate.host->spec)),
         out.probe, out.unanswered);
  }
  out.agentAlive = ports_.agents != nullptr && candidate.host->status.agent &&
                   ports_.agents->alive(candidate.name());
  return out;
}

std::string Observer::suggestProfile(const Observation& o, const Sighting& source,
                                     const domain::HostdevNic& hostdev) const {
  const domain::VirtualNic* standby = source.description.standbyFor(hostdev);
  std::string best;
  for (const auto& profile : ports_.profiles.list()) {
    const api::VnicProfileSpec& spec = profile->spec;
    if (!spec.passthrough || spec.failover.empty() == hostdev.teaming) continue;
    if (spec.vlan != hostdev.vlan) continue;
    if (standby != nullptr && !standby->network.empty() && standby->network != spec.network) {
      continue;
    }
    const auto carries = [&](const Candidate& c) {
      if (c.name() != source.host || !c.reachable) return false;
      const domain::PfEntry* pf = c.inventory->physicalFunctionOf(hostdev.source);
      return pf != nullptr && pf->carries(spec.network);
    };
    if (std::none_of(o.candidates.begin(), o.candidates.end(), carries)) continue;
    const std::string& name = profile->metadata.name;
    if (best.empty() || name < best) best = name;
  }
  return best;
}

}  // namespace vnic::reconcile::vm_migration
