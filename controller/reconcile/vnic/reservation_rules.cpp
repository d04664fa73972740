// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vnic/reservation_rules.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/names.h"

namespace vnic::reconcile::vnic {
namespace {

bool names(const std::optional<domain::DomainDescription>& definition, const std::string& vf) {
  return definition && std::any_of(definition->hostdevs.begin(), definition->hostdevs.end(),
                                   [&](const auto& device) { return device.source.str() == vf; });
}

bool isActive(const domain::ParsedDomain& domain) {
  return domain.summary.state == hypervisor::DomainState::Running ||
         domain.summary.state == hypervisor::DomainState::Paused;
}

// How the VM and the VF of a reservation stand on a host that answers.
struct Sight {
  bool vfInGuest = false;                    // of whatever VM
  const domain::ParsedDomain* vm = nullptr;  // that the reservation is for
  bool unreadable = false;                   // a definition that may name the VF
};

Sight look(const ReservationFacts& input) {
  Sight sight;
  const api::VfReservationSpec& spec = input.reservation.spec;
  for (const domain::ParsedDomain& domain : input.facts->domains) {
    sight.unreadable |= !domain.unreadable.empty();
    sight.vfInGuest |= names(domain.live, spec.address);
    if (domain.summary.uuid == spec.vmUUID) sight.vm = &domain;
  }
  return sight;
}

bool wantsNic(const api::Vnic& vnic) {
  if (vnic.metadata.deleting() && vnic.spec.deletionPolicy == "Detach") return false;
  return vnic.spec.desiredState != "Detached";
}

// Does the VM have the holder's NIC on another VF already?
bool servedElsewhere(const domain::ParsedDomain& vm, const api::VfReservationSpec& spec) {
  const domain::DomainDescription* current = vm.current();
  if (current == nullptr) return false;
  const auto* nic = domain::findNic(*current, spec.device);
  return nic != nullptr && nic->source.str() != spec.address;
}

}  // namespace

Judgement judge(const ReservationFacts& input) {
  const api::VfReservation& reservation = input.reservation;
  const api::VfReservationSpec& spec = reservation.spec;
  const bool ending = spec.purpose == api::purpose::kReleasing || reservation.metadata.deleting();
  if (!ending && input.movement == Movement::Underway) return {};
  if (!input.host) return {Fate::Delete, fmt::format("vmhost {} is gone", spec.hostName)};
  if (input.host->spec.availability == "OutOfService") {
    return {Fate::Delete, fmt::format("vmhost {} is out of service", spec.hostName)};
  }
  if (!input.facts || !input.facts->reachable()) return {};
  const Sight sight = look(input);
  if (sight.unreadable) return {};
  if (!input.holder) {
    // A VM that has the VF goes on holding it by itself.
    return {Fate::Delete, fmt::format("vnic {} is gone", spec.holder.key().str()),
            !sight.vfInGuest};
  }
  if (sight.vfInGuest) return {};
  if (ending) return {Fate::Delete, "no VM has the VF any more", true};
  if (!wantsNic(*input.holder)) {
    return {Fate::Release, fmt::format("vnic {} is detached", spec.holder.key().str())};
  }
  if (sight.vm == nullptr) return {Fate::Release, "the VM is not on the host"};
  if (servedElsewhere(*sight.vm, spec)) return {Fate::Release, "the NIC has another VF"};
  const std::string& home = input.holder->status.host;
  if (!isActive(*sight.vm) && !names(sight.vm->persistent, spec.address) && !home.empty() &&
      home != spec.hostName) {
    return {Fate::Release, "the VM is only defined on the host and lives elsewhere"};
  }
  return {};  // the Vnic plugs it
}

}  // namespace vnic::reconcile::vnic
