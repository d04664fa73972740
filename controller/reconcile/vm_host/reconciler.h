// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "api/vf_reservation.h"
#include "api/vm_host.h"
#include "api/vnic.h"
#include "api/vnic_profile.h"
#include "cache/store.h"
#include "kube/client.h"
#include "reconcile/contract/reconciler.h"
#include "reconcile/vm_host/host_cache.h"
#include "support/clock.h"
#include "support/log.h"

namespace vnic::reconcile::vm_host {

// Keeps one host connected, its facts in the host cache up to date, and its status true. To be
// asked again for a host when libvirt reports an event there and when a reservation of its VFs
// changes; what Vnics and profiles say of its VMs is as old as its last read.
class VmHostReconciler final : public Reconciler {
 public:
  struct Ports {
    const cache::Store<api::VmHost>& hosts;
    const cache::Store<api::VfReservation>& reservations;
    const cache::Store<api::Vnic>& vnics;
    const cache::Store<api::VnicProfile>& profiles;
    hypervisor::Hypervisor& hypervisor;
    HostCache& hostCache;
    kube::Client& client;
    Clock& clock;
    Logger log;
  };
  struct Options {
    std::string operatorNamespace;                   // of VMs whose definition names none
    Duration readPeriod = std::chrono::seconds(30);  // of a host that answers
    Duration retryPeriod = std::chrono::seconds(5);  // of a host that does not
  };

  VmHostReconciler(Ports ports, Options options)
      : ports_(std::move(ports)), options_(std::move(options)) {}

  Result<Done> reconcile(const api::ObjectKey& key, std::stop_token stop) override;

 private:
  Status writeStatus(const api::VmHost& host, const HostFacts& facts);

  Ports ports_;
  Options options_;
};

}  // namespace vnic::reconcile::vm_host
