// SPDX-License-Identifier: Apache-2.0
// What one pass over a Vnic knows. Made anew each time, from caches and the facts of hosts.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/vf_reservation.h"
#include "api/vm_host.h"
#include "api/vm_migration.h"
#include "api/vnic.h"
#include "api/vnic_profile.h"
#include "cache/store.h"
#include "domain/vf_inventory.h"
#include "reconcile/vm_host/host_cache.h"
#include "reconcile/vnic/vm_search.h"

namespace vnic::reconcile::vnic {

// What is remembered of a change to the VM that failed; lost with the process, which then tries
// again.
struct Retry {
  int failures = 0;
  MonoTime notBefore;
  std::string nextTryTime;  // RFC 3339
  std::string reason;
  std::string message;
  std::set<PciAddress> failedVfs;  // were refused since the last success
};

// The NIC as one definition has it. Pointers into the observation's VM.
struct NicParts {
  const domain::HostdevNic* vf = nullptr;
  const domain::VirtualNic* virtio = nullptr;  // the standby, or the whole of a virtio NIC
  bool ambiguous = false;                      // several NICs have the MAC

  bool any() const { return vf != nullptr || virtio != nullptr; }
};

struct Observation {
  std::shared_ptr<const api::Vnic> vnic;
  std::shared_ptr<const api::VnicProfile> profile;    // nullptr = missing
  std::shared_ptr<const api::VnicProfile> failover;   // nullptr = none, or missing
  std::string profileProblem;                         // why the profile cannot be used, "" = it can
  std::string mac;                                    // canonical, never empty
  bool macIsNew = false;                              // chosen now, and not recorded yet
  std::string macOwner;                               // the older Vnic that has the MAC, "" = none
  std::shared_ptr<const api::VmMigration> migration;  // unfinished one of this VM
  VmSearch vm;
  std::shared_ptr<const api::VmHost> host;   // that the VM is on
  std::vector<domain::ReservationPtr> held;  // by this Vnic, on any host
  domain::ReservationPtr reservationOfVf;    // of the VF that nic() has
  NicParts live;                             // empty while the VM is not active
  NicParts persistent;
  std::optional<bool>
      negotiated;  // the guest has taken VF and standby as a pair; nullopt = unknown
  std::optional<Retry> retry;
  MonoTime now;
  WallTime wall;

  // The NIC as the VM has it now: live, or by the definition of a VM that is shut off.
  const NicParts& nic() const { return vm.found() && vm.shutOff() ? persistent : live; }
  bool wantsVf() const { return profile && profile->spec.passthrough; }
  bool wantsStandby() const { return wantsVf() && !profile->spec.failover.empty(); }
  // What is wanted: Detached also on the way out, when the object's deletion is to take the NIC.
  bool wantsAttached() const;
};

struct ObservationSources {
  const cache::Store<api::Vnic>& vnics;
  const cache::Store<api::VnicProfile>& profiles;
  const cache::Store<api::VmHost>& hosts;
  const cache::Store<api::VmMigration>& migrations;
  const cache::Store<api::VfReservation>& reservations;
  const vm_host::HostCache& hostCache;
  std::string operatorNamespace;
};

Observation observe(std::shared_ptr<const api::Vnic> vnic, const ObservationSources& sources,
                    std::optional<Retry> retry, MonoTime now, WallTime wall);

// The MAC of a Vnic: as asked for, else as chosen before, else the first that is derived from its
// uid, so that the same object always gets the same. Locally administered, QEMU's prefix.
std::string macOf(const api::Vnic& vnic);

// The alias that the VF was last known by, "" = none; decides between several VFs with one MAC.
std::string knownAlias(const Observation& observation);

// The parts of the NIC with that MAC; `alias` ("" = unknown) decides between several VFs of one
// MAC.
NicParts partsOf(const domain::DomainDescription& domain, const std::string& mac,
                 const std::string& alias);

}  // namespace vnic::reconcile::vnic
