// SPDX-License-Identifier: Apache-2.0
// Bring what is on the board to the API server, by server-side apply with a field manager of the
// agent's own: what others wrote into the same status stays.
#pragma once

#include "agent/board.h"
#include "api/vf_reservation.h"
#include "api/vm_host.h"
#include "cache/store.h"
#include "kube/client.h"
#include "reconcile/contract/reconciler.h"
#include "support/clock.h"

namespace vnic::agent {

// Conditions of the reservations of this host. Keyed by VfReservation.
class ReservationReporter final : public reconcile::Reconciler {
 public:
  ReservationReporter(const Board& board, const cache::Store<api::VfReservation>& reservations,
                      kube::Client& client, Clock& clock)
      : board_(board), reservations_(reservations), client_(client), clock_(clock) {}

  Result<reconcile::Done> reconcile(const api::ObjectKey& key, std::stop_token stop) override;

 private:
  const Board& board_;
  const cache::Store<api::VfReservation>& reservations_;
  kube::Client& client_;
  Clock& clock_;
};

// status.agent of this host's VmHost. Keyed by VmHost.
class HostReporter final : public reconcile::Reconciler {
 public:
  HostReporter(const Board& board, const cache::Store<api::VmHost>& hosts, kube::Client& client)
      : board_(board), hosts_(hosts), client_(client) {}

  Result<reconcile::Done> reconcile(const api::ObjectKey& key, std::stop_token stop) override;

 private:
  const Board& board_;
  const cache::Store<api::VmHost>& hosts_;
  kube::Client& client_;
};

}  // namespace vnic::agent
