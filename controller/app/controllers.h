// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <functional>
#include <string>

#include "app/caches.h"
#include "app/options.h"
#include "hypervisor/hypervisor.h"
#include "reconcile/vm_host/host_cache.h"
#include "reconcile/vm_host/reconciler.h"
#include "reconcile/vm_migration/metrics.h"
#include "reconcile/vm_migration/reconciler.h"
#include "reconcile/vnic/reconciler.h"
#include "reconcile/vnic/reservation_reconciler.h"
#include "reconcile/vnic_profile/reconciler.h"
#include "runtime/claim_lease.h"
#include "runtime/controller.h"
#include "runtime/event_recorder.h"
#include "runtime/metrics.h"
#include "runtime/tracking_client.h"

namespace vnic::app {

// The reconcilers with their queues, and the table of who is woken by what.
class Controllers {
 public:
  struct Ports {
    kube::Client& client;
    hypervisor::Hypervisor& hypervisor;
    Caches& caches;
    runtime::EventSink& events;
    Clock& clock;
    runtime::Metrics& metrics;
    Logger log;
    std::function<Duration()> leaseTimeLeft;
  };

  // Before the informers start: handlers and indexes have to be there for the first list.
  Controllers(const Options& options, Ports ports);

  // Between the two the hosts' events are ours; stop() has to follow.
  void start();
  // The hosts' events alone, instead of start(): for worlds with one thread.
  void listen();
  void stop();
  // Before stop(): takes no more keys, and gives passes under way so long to end by themselves.
  void drain(Duration atMost);

  std::array<runtime::Controller*, 5> all() {
    return {&hosts_, &profiles_, &vnics_, &reservations_, &migrations_};
  }

 private:
  void wakeHosts();
  void wakeMigrations();
  void wakeProfiles();
  void wakeVnics();
  void wakeReservations();
  void migrationsAt(const std::string& host);

  Ports ports_;
  // One for each controller: keys of different kinds may be the same.
  runtime::TrackingClient hostClient_;
  runtime::TrackingClient profileClient_;
  runtime::TrackingClient vnicClient_;
  runtime::TrackingClient reservationClient_;
  runtime::TrackingClient migrationClient_;
  reconcile::vm_host::HostCache hostCache_;
  runtime::ClaimLeases claims_;
  runtime::AgentLeases agents_;
  reconcile::vm_migration::MigrationMetrics migrationMetrics_;
  reconcile::vm_host::VmHostReconciler hostReconciler_;
  reconcile::vm_migration::VmMigrationReconciler migrationReconciler_;
  reconcile::vnic_profile::VnicProfileReconciler profileReconciler_;
  reconcile::vnic::ObservationSources vnicSources_;
  reconcile::vnic::VnicReconciler vnicReconciler_;
  reconcile::vnic::ReservationReconciler reservationReconciler_;
  runtime::Controller hosts_;
  runtime::Controller profiles_;
  runtime::Controller vnics_;
  runtime::Controller reservations_;
  runtime::Controller migrations_;
};

}  // namespace vnic::app
