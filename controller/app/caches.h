// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "api/vf_reservation.h"
#include "api/vm_host.h"
#include "api/vm_migration.h"
#include "api/vnic.h"
#include "api/vnic_profile.h"
#include "cache/informer.h"

namespace vnic::app {

inline cache::ReflectorOptions reflectorOptions(std::uint64_t salt) {
  cache::ReflectorOptions options;
  options.streamInitialList = true;
  // Different for each kind and each process, so that reconnects spread.
  options.seed =
      static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count()) +
      salt;
  return options;
}

// One informer for each of our kinds.
struct Caches {
  cache::Informer<api::VnicProfile> profiles;
  cache::Informer<api::VmHost> hosts;
  cache::Informer<api::Vnic> vnics;
  cache::Informer<api::VmMigration> migrations;
  cache::Informer<api::VfReservation> reservations;

  Caches(kube::Client& client, Clock& clock, const Logger& log)
      : profiles(reflectorOptions(1), client, clock, log),
        hosts(reflectorOptions(2), client, clock, log),
        vnics(reflectorOptions(3), client, clock, log),
        migrations(reflectorOptions(4), client, clock, log),
        reservations(reflectorOptions(5), client, clock, log) {}

  std::array<cache::InformerBase*, 5> all() {
    return {&profiles, &hosts, &vnics, &migrations, &reservations};
  }
};

}  // namespace vnic::app
