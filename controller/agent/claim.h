// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "api/vf_reservation.h"
#include "support/pci_address.h"

namespace vnic::agent {

// How a NIC stands towards this host, from its reservation.
enum class Stage {
  Still,     // it stays as it is
  Leaving,   // its VM moves away and may come back
  Arriving,  // its VM moves here
  Released,  // nobody needs the VF any more
};

// What a VfReservation of this host says, in so far as it matters here.
struct Claim {
  std::string reservation;      // name of the object
  std::int64_t generation = 0;  // of its spec that this is from
  std::string mac;              // canonical
  PciAddress vf;
  Stage stage = Stage::Still;
  bool standby = false;  // the NIC has a virtio standby with the same MAC
  int vlan = 0;          // 0 = none

  bool operator==(const Claim&) const = default;
};

// nullopt: it cannot be read, which the CRD's schema rules out.
std::optional<Claim> claimOf(const api::VfReservation& reservation);

}  // namespace vnic::agent
