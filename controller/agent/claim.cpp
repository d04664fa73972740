// SPDX-License-Identifier: Apache-2.0
#include "agent/claim.h"

#include "api/names.h"

namespace vnic::agent {
namespace {

Stage stageOf(const api::VfReservation& reservation) {
  const std::string& purpose = reservation.spec.purpose;
  if (reservation.metadata.deleting() || purpose == api::purpose::kReleasing) {
    return Stage::Released;
  }
  if (purpose == api::purpose::kReturn) return Stage::Leaving;
  if (purpose == api::purpose::kTarget) return Stage::Arriving;
  return Stage::Still;
}

}  // namespace

std::optional<Claim> claimOf(const api::VfReservation& reservation) {
  const auto vf = PciAddress::parse(reservation.spec.address);
  const auto mac = canonicalMac(reservation.spec.device.macAddress);
  if (!vf || !mac) return std::nullopt;
  return Claim{reservation.metadata.name,
               reservation.metadata.generation,
               *mac,
               *vf,
               stageOf(reservation),
               !reservation.spec.device.standbyAlias.empty(),
               reservation.spec.device.vlan.value_or(0)};
}

}  // namespace vnic::agent
