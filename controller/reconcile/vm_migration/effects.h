// SPDX-License-Identifier: Apache-2.0
// Carries out what plan.h decided, through the ports. Every effect may be repeated.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "hypervisor/hypervisor.h"
#include "kube/client.h"
#include "reconcile/vm_migration/plan.h"
#include "runtime/event_sink.h"
#include "support/log.h"

namespace vnic::reconcile::vm_migration {

struct EffectPorts {
  kube::Client& client;
  hypervisor::Hypervisor& hypervisor;
  runtime::EventSink& events;
  // How long this process is the leader for sure; effects stop when it is nearly over.
  std::function<Duration()> leaseTimeLeft;
};

struct EffectFailure {
  std::optional<std::size_t> nic;  // the NIC that it was for
  Error error;
  std::string refusedVf;  // the name of its reservation, when it was the VF that would not do
};

// All of them, in order; a failure does not stop the others, except that of a claim on the target:
// two migrations that each hold what the other lacks would wait for each other. Nothing is done
// once the leader's Lease is about to end.
std::vector<EffectFailure> carryOut(const EffectPorts& ports, const Observation& observation,
                                    const std::vector<Effect>& effects, const Logger& log);

// How the source's libvirt reaches the target: spec.peerURI, else spec.libvirtURI without its
// query, which is meant for this client (pkipath).
std::string peerUriOf(const api::VmHostSpec& spec);

}  // namespace vnic::reconcile::vm_migration
