// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <utility>

#include "api/vf_reservation.h"
#include "api/vm_host.h"
#include "api/vm_migration.h"
#include "api/vnic.h"
#include "cache/store.h"
#include "kube/client.h"
#include "reconcile/contract/reconciler.h"
#include "reconcile/vm_host/host_cache.h"
#include "reconcile/vnic/reservation_rules.h"
#include "runtime/agent_lease.h"
#include "runtime/event_sink.h"
#include "support/clock.h"
#include "support/log.h"

namespace vnic::reconcile::vnic {

// Gives back VFs that nobody needs. Keyed by VfReservation. Whatever the caches say, the API server
// and the host are asked before anything is given back. To be asked again when the reservation, its
// Vnic, its migration, its VmHost or the host's facts change.
class ReservationReconciler final : public Reconciler {
 public:
  struct Ports {
    const cache::Store<api::VfReservation>& reservations;
    const cache::Store<api::Vnic>& vnics;
    const cache::Store<api::VmMigration>& migrations;
    const cache::Store<api::VmHost>& hosts;
    vm_host::HostCache& hostCache;
    kube::Client& client;
    runtime::EventSink& events;
    std::function<Duration()> leaseTimeLeft;
    Logger log;
    const runtime::AgentLeases* agents = nullptr;  // nullptr: there are no node agents
  };

  explicit ReservationReconciler(Ports ports) : ports_(std::move(ports)) {}

  Result<Done> reconcile(const api::ObjectKey& key, std::stop_token stop) override;

 private:
  ReservationFacts fromCaches(const api::VfReservation& reservation) const;
  Result<ReservationFacts> fromTheSource(const api::VfReservation& reservation) const;
  bool awaitsScrub(const api::VfReservation& reservation) const;
  Status carryOut(const api::VfReservation& reservation, const Judgement& judgement);

  Ports ports_;
};

}  // namespace vnic::reconcile::vnic
