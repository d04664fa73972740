// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "api/vf_reservation.h"
#include "api/vm_host.h"
#include "api/vnic.h"
#include "api/vnic_profile.h"
#include "cache/store.h"
#include "kube/client.h"
#include "reconcile/contract/reconciler.h"
#include "reconcile/vm_host/host_cache.h"
#include "reconcile/vnic_profile/status.h"
#include "support/clock.h"

namespace vnic::reconcile::vnic_profile {

// Says of each profile whether it can be used, where, and who uses it; keeps it from being deleted
// while somebody does. To be asked again when the profile, a profile that it names or that names
// it, one of its Vnics, a VmHost, a host's facts or a reservation change.
class VnicProfileReconciler final : public Reconciler {
 public:
  struct Ports {
    const cache::Store<api::VnicProfile>& profiles;
    const cache::Store<api::Vnic>& vnics;
    const cache::Store<api::VmHost>& hosts;
    const cache::Store<api::VfReservation>& reservations;
    const vm_host::HostCache& hostCache;
    kube::Client& client;
    Clock& clock;
  };

  explicit VnicProfileReconciler(Ports ports) : ports_(ports) {}

  Result<Done> reconcile(const api::ObjectKey& key, std::stop_token stop) override;

 private:
  StatusInput gather(const api::VnicProfile& profile) const;

  Ports ports_;
};

}  // namespace vnic::reconcile::vnic_profile
