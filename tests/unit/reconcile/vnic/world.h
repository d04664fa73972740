// SPDX-License-Identifier: Apache-2.0
// Two hosts, an API server and the reconcilers of Vnics and reservations, in memory and in one
// thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "reconcile/vnic/reconciler.h"
#include "reconcile/vnic/reservation_reconciler.h"
#include "support/fake_hypervisor.h"
#include "support/fake_kube_client.h"
#include "support/manual_clock.h"

namespace vnic::test {

class RecordedEvents final : public runtime::EventSink {
 public:
  void record(const runtime::Event& event) override { reasons.push_back(event.reason); }
  std::vector<std::string> reasons;
};

class VnicWorld {
 public:
  static constexpr char kUuid[] = "11111111-1111-1111-1111-111111111111";
  static constexpr char kMac[] = "52:54:00:cc:00:01";
  static constexpr char kNamespace[] = "vnic-system";  // the operator's

  // host1 and host2 with four VFs each for tenant-blue; the profiles blue (failover: blue-standby),
  // plain (passthrough alone) and blue-standby.
  VnicWorld();

  // VM db of team-a with a failover pair (or a VF alone) on 0000:01:10.0.
  void addVm(const std::string& host = "host1", bool failover = true);
  void addBareVm(const std::string& host = "host1");
  // VM web, of nobody in particular, runs with that VF.
  void addVmWithVf(const std::string& vf, const std::string& host = "host1");
  api::Vnic addVnic(const api::VnicSpec& spec = {
                        .vmName = "db", .profile = "blue", .macAddress = kMac});
  api::VmMigration addMigration(bool finished = false);
  void takeVfOut(const std::string& host = "host1");  // live only, as a migration does

  // One pass over the Vnic with caches and hosts' facts up to date.
  Result<reconcile::Done> pass(const std::string& vnic = "db-blue");
  void sweep();  // every reservation, until nothing changes
  void sync();
  void restartOperator();

  api::Vnic vnic(const std::string& name = "db-blue");
  // "True", "False", "Unknown" and the reason: "False NoFreeVirtualFunction".
  std::string condition(const std::string& type, const std::string& vnic = "db-blue");
  std::string liveVf(const std::string& host = "host1");
  std::string definedVf(const std::string& host = "host1");
  std::optional<api::VfReservation> reservation(const std::string& name);
  std::vector<std::string> reservations();
  std::optional<std::string> claimHolder();

  FakeKubeClient client;
  FakeHypervisor hypervisor;
  ManualClock clock;
  RecordedEvents events;
  Duration leaseTimeLeft = std::chrono::seconds(10);
  cache::Store<api::Vnic> vnics;
  cache::Store<api::VnicProfile> profiles;
  cache::Store<api::VmHost> hosts;
  cache::Store<api::VmMigration> migrations;
  cache::Store<api::VfReservation> reservationStore;
  reconcile::vm_host::HostCache hostCache{hypervisor, clock};
  runtime::ClaimLeases claims{client, clock, kNamespace};

 private:
  reconcile::vnic::VnicReconciler::Ports vnicPorts();

  std::unique_ptr<reconcile::vnic::VnicReconciler> reconciler_;
  std::unique_ptr<reconcile::vnic::ReservationReconciler> sweeper_;
};

}  // namespace vnic::test
