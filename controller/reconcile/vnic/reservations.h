// SPDX-License-Identifier: Apache-2.0
// Reservations as a Vnic and their own reconciler write them. Each function looks at what the API
// server has, not only at a cache, before it decides against somebody.
#pragma once

#include <string>

#include "api/vf_reservation.h"
#include "api/vnic.h"
#include "kube/client.h"
#include "support/pci_address.h"

namespace vnic::reconcile::vnic {

struct Claim {
  std::string host;
  PciAddress vf;
  std::string vmUuid;
  api::DevicePlan device;
};

// Makes the claim a reservation in use by the Vnic: creates it, or changes the Vnic's own one.
// Conflict: somebody else holds the VF, it is being deleted, or a migration is at work on it.
Result<api::VfReservation> reserve(kube::Client& client, const api::Vnic& vnic, const Claim& claim);

// Is the migration that the reservation names over: finished, gone, or another one by now?
Result<bool> migrationOver(kube::Client& client, const api::VfReservation& reservation);

// What somebody has to give up: it is deleted once no VM has the VF.
Status startRelease(kube::Client& client, const api::VfReservation& reservation);

}  // namespace vnic::reconcile::vnic
