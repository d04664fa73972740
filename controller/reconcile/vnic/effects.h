// SPDX-License-Identifier: Apache-2.0
// Carries out a Vnic's plan. Every effect looks at the VM itself first and may be repeated.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "hypervisor/hypervisor.h"
#include "kube/client.h"
#include "reconcile/vm_host/host_cache.h"
#include "reconcile/vnic/observation.h"
#include "runtime/claim_lease.h"
#include "runtime/event_sink.h"
#include "support/log.h"

namespace vnic::reconcile::vnic {

struct EffectPorts {
  kube::Client& client;
  hypervisor::Hypervisor& hypervisor;
  vm_host::HostCache& hostCache;
  const cache::Store<api::VfReservation>& reservations;
  runtime::ClaimLeases& claims;
  runtime::EventSink& events;
  // How long this process is the leader for sure; nothing is begun when it is nearly over.
  std::function<Duration()> leaseTimeLeft;
  Logger log;
};

struct Failure {
  std::string reason;  // of the condition
  Error error;
  std::optional<PciAddress> vf;  // that was refused
};

using Outcome = tl::expected<void, Failure>;

// Writes the reservation of the VF that the guest has.
Outcome adopt(const EffectPorts& ports, const Observation& observation);

// Puts in what is missing: the standby first, then the VF, which is reserved before anything is
// touched. Success means that the live definition shows it.
Outcome plug(const EffectPorts& ports, const Observation& observation);

// Takes out the VF first, then the virtio NIC, from the running guest and from the definition.
// Success means that they are gone.
Outcome unplug(const EffectPorts& ports, const Observation& observation);

}  // namespace vnic::reconcile::vnic
