// SPDX-License-Identifier: Apache-2.0
// What is to become of a VfReservation. Pure.
#pragma once

#include <memory>
#include <string>

#include "api/vf_reservation.h"
#include "api/vm_host.h"
#include "api/vnic.h"
#include "reconcile/vm_host/host_cache.h"

namespace vnic::reconcile::vnic {

enum class Fate {
  Keep,
  Release,  // becomes Releasing: nobody needs it any more
  Delete,   // its VF is in no VM, or its host is out of service, or its holder is gone
};

enum class Movement {
  None,      // no migration is named
  Underway,  // the one that is named is not finished
  Over,
};

struct ReservationFacts {
  const api::VfReservation& reservation;
  std::shared_ptr<const api::VmHost> host;  // nullptr: there is no such VmHost
  vm_host::HostFactsPtr facts;              // nullptr: never asked
  std::shared_ptr<const api::Vnic> holder;  // nullptr: gone, or a namesake with another uid
  Movement movement = Movement::None;
};

struct Judgement {
  Fate fate = Fate::Keep;
  std::string why;      // for an event
  bool unused = false;  // with Delete: no VM has the VF, so it can be cleaned before
};

// A host that does not answer keeps all its reservations: what its VMs have is unknown.
Judgement judge(const ReservationFacts& input);

}  // namespace vnic::reconcile::vnic
