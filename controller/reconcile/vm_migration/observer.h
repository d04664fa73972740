// SPDX-License-Identifier: Apache-2.0
// Gathers an Observation: the only part of a pass that reads from the outside.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cache/store.h"
#include "hypervisor/hypervisor.h"
#include "reconcile/vm_host/host_cache.h"
#include "reconcile/vm_migration/observation.h"
#include "runtime/agent_lease.h"

namespace vnic::reconcile::vm_migration {

struct ObserverPorts {
  const cache::Store<api::VmMigration>& migrations;
  const cache::Store<api::VmHost>& hosts;
  const cache::Store<api::Vnic>& vnics;
  const cache::Store<api::VnicProfile>& profiles;
  const cache::Store<api::VfReservation>& reservations;
  hypervisor::Hypervisor& hypervisor;
  vm_host::HostCache& hostCache;
  Clock& clock;
  const runtime::AgentLeases* agents = nullptr;  // nullptr: there are no node agents
};

struct ObserverOptions {
  std::string operatorNamespace;  // of VMs that name none
  int maxParallelMigrations = 5;
};

class Observer {
 public:
  Observer(const ObserverPorts& ports, ObserverOptions options)
      : ports_(ports), options_(std::move(options)) {}

  // Everything that is asked of a host is asked now, once a target is decided; before that the host
  // cache answers, and `refresh` renews it.
  Observation observe(std::shared_ptr<const api::VmMigration> migration,
                      const NicMemories& memories = {}) const;

  // Asks the VM's host and candidates what only they can tell of this VM. That costs several calls,
  // so only hosts are asked that fit by all that is known already: the best, until one fits, or all
  // of them (for a report).
  enum class Ask { UntilOneFits, All };
  void examine(Observation& o, Ask ask) const;

  // Reads a host anew before something is decided that depends on it.
  void refresh(const std::string& host) const;
  // The same for all hosts, before a migration is refused for good.
  void refreshAll() const;

 private:
  void search(Observation& o) const;
  void lookAtBothEnds(Observation& o, const NicMemories& memories) const;
  void countOthers(Observation& o) const;
  Candidate candidate(std::shared_ptr<const api::VmHost> host,
                      const domain::ReservationsByHost& reservations) const;
  void countTraffic(std::vector<Candidate>& candidates) const;
  Copy copyOn(const std::string& host, const std::string& uuid) const;
  VmExamination examineVm(const Sighting& source) const;
  HostExamination examineHost(const Observation& o, const Sighting& source,
                              const Candidate& candidate, bool probe) const;
  std::string suggestProfile(const Observation& o, const Sighting& source,
                             const domain::HostdevNic& hostdev) const;
  Nic nicInGuest(const Observation& o, const Sighting& source,
                 const domain::HostdevNic& hostdev) const;
  Nic nicOfStatus(const Observation& o, const api::NicMigrationStatus& status,
                  const NicMemories& memories) const;
  void nameProfiles(Nic& nic) const;

  ObserverPorts ports_;
  ObserverOptions options_;
};

}  // namespace vnic::reconcile::vm_migration
