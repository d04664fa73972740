// SPDX-License-Identifier: Apache-2.0
// Two hosts, an API server and the migration reconciler, all in memory and in one thread. Time
// moves only by what the reconciler asks to wait. The operator can be killed between any two
// passes, and between any two effects of a pass.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "reconcile/vm_host/host_cache.h"
#include "reconcile/vm_migration/reconciler.h"
#include "support/fake_hypervisor.h"
#include "support/fake_kube_client.h"
#include "support/manual_clock.h"

namespace vnic::test {

class NoEvents final : public runtime::EventSink {
 public:
  void record(const runtime::Event& event) override { reasons.push_back(event.reason); }
  std::vector<std::string> reasons;
};

class World {
 public:
  static constexpr char kUuid[] = "11111111-1111-1111-1111-111111111111";
  static constexpr char kMac[] = "52:54:00:cc:00:01";
  static constexpr char kMac2[] = "52:54:00:cc:00:02";

  World();

  // A VM "db" of namespace team-a on host1 with `nics` failover pairs (or VFs alone), with Vnics.
  void addVm(int nics = 1, bool failover = true);
  // That VM, to be put there again with something changed.
  static VmShape shapeOfVm(int nics = 1, bool failover = true);
  void addMigration(const api::VmMigrationSpec& spec = {});

  // One pass with up-to-date caches; false when nothing is left to do. Time moves on by what the
  // pass asked for.
  bool pass();
  // Whether caches of hosts are as fresh as can be before each pass; a real one is read every 30 s.
  bool freshHosts = true;
  // Until nothing is left to do, or 500 passes.
  void settle();
  // Until the phase is there.
  void until(const std::string& phase);
  void restartOperator();

  api::VmMigration migration();
  // VF of the NIC in the live domain of that host, "" = none.
  std::string liveVf(const std::string& host, const std::string& mac = kMac);
  std::string purposeOf(const std::string& host, const std::string& address);
  // Every promise that holds at any time. "" = fine, else which is broken.
  std::string broken();

  FakeKubeClient client;
  FakeHypervisor hypervisor;
  ManualClock clock;
  NoEvents events;
  // Effects that may still be carried out before the process dies; nullopt = no limit.
  std::optional<int> effectsLeft;

 private:
  void sync();
  void
  sweep();  // what the reservations' own reconciler does: what is Releasing goes once it is free
  std::unique_ptr<reconcile::vm_migration::VmMigrationReconciler> makeReconciler();

  cache::Store<api::VmMigration> migrations_;
  cache::Store<api::VmHost> hosts_;
  cache::Store<api::Vnic> vnics_;
  cache::Store<api::VnicProfile> profiles_;
  cache::Store<api::VfReservation> reservations_;
  prometheus::Registry registry_;
  reconcile::vm_migration::MigrationMetrics metrics_{registry_};
  reconcile::vm_host::HostCache hostCache_{hypervisor, clock};
  runtime::ClaimLeases claims_{client, clock, "vnic-operator-system"};
  runtime::AgentLeases agents_{client, clock, "vnic-operator-system"};
  std::unique_ptr<reconcile::vm_migration::VmMigrationReconciler> reconciler_;
};

// Of its condition Ready; "" = there is none.
std::string reasonOf(const api::VmMigration& migration);

}  // namespace vnic::test
