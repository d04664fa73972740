// SPDX-License-Identifier: Apache-2.0
#include "conformance/operator/scenarios.h"
#include "hypervisor/error_code.h"

namespace vnic::test {
namespace {

// Migrations that never get to their end by themselves, while this lives.
class EndlessCopy {
 public:
  explicit EndlessCopy(FakeHypervisor& hosts) : hosts_(hosts), polls_(hosts.migrationPolls) {
    hosts_.migrationPolls = 1'000'000;
  }
  ~EndlessCopy() { hosts_.migrationPolls = polls_; }
  EndlessCopy(const EndlessCopy&) = delete;
  EndlessCopy& operator=(const EndlessCopy&) = delete;

 private:
  FakeHypervisor& hosts_;
  const int polls_;
};

void awaitPhase(Cluster& cluster, const api::ObjectKey& migration, const std::string& phase) {
  cluster.await<api::VmMigration>(
      migration, phase, [&](const api::VmMigration& m) { return m.status.phase == phase; });
}

void failover(Cluster& cluster) {
  const Guest guest = cluster.addGuest("host1");
  cluster.awaitEnd(cluster.migrate(guest), "Succeeded");
  cluster.awaitSettled(guest, "host2");
}

void dryRun(Cluster& cluster) {
  const Guest guest = cluster.addGuest("host1");
  const auto m = cluster.migrate(guest, [](auto& spec) { spec.mode = "DryRun"; });
  cluster.awaitEnd(m, "Succeeded");
  cluster.awaitSettled(guest, "host1");
}

void refusal(Cluster& cluster) {
  const Guest guest = cluster.newGuest();
  cluster.hosts().addVm("host1", guest.shape());  // no Vnic describes its NIC
  cluster.awaitEnd(cluster.migrate(guest), "Failed");
}

void cancel(Cluster& cluster) {
  const EndlessCopy endless(cluster.hosts());
  const Guest guest = cluster.addGuest("host1");
  const auto m = cluster.migrate(guest);
  awaitPhase(cluster, m, "Migrating");
  cluster.patch<api::VmMigration>(m, {{"spec", {{"cancel", true}}}});
  cluster.awaitEnd(m, "Cancelled");
  cluster.awaitSettled(guest, "host1");
}

void deletion(Cluster& cluster) {
  const EndlessCopy endless(cluster.hosts());
  const Guest guest = cluster.addGuest("host1");
  const auto m = cluster.migrate(guest);
  awaitPhase(cluster, m, "Migrating");
  cluster.remove<api::VmMigration>(m);
  cluster.awaitGone<api::VmMigration>(m);
  cluster.awaitSettled(guest, "host1");
}

void retry(Cluster& cluster) {
  const Guest guest = cluster.addGuest("host1");
  cluster.hosts().failNext(Operation::StartMigration,
                           Error::transient("the connection to the host broke"));
  const auto m = cluster.awaitEnd(cluster.migrate(guest), "Succeeded");
  if (m.status.attempts != 2) throw std::runtime_error("it took no second attempt");
  cluster.awaitSettled(guest, "host2");
}

void expiry(Cluster& cluster) {
  const Guest guest = cluster.addGuest("host1");
  const auto m = cluster.migrate(guest, [](auto& spec) { spec.ttlSecondsAfterFinished = 1; });
  cluster.awaitGone<api::VmMigration>(m);
  cluster.awaitSettled(guest, "host2");
}

// Somebody claimed the VM and was deleted before giving it back.
void claimLeftBehind(Cluster& cluster) {
  const Guest guest = cluster.addGuest("host1");
  runtime::LeaseRecord claim;
  claim.holder = "00000000-dead-dead-dead-000000000000";
  cluster.create<runtime::Lease>(kOperatorNamespace, guest.claim(), toJson(claim));
  cluster.awaitEnd(cluster.migrate(guest), "Succeeded");
  cluster.awaitSettled(guest, "host2");
}

}  // namespace

std::vector<Scenario> migrationScenarios() {
  return {{"a migration with failover", failover},
          {"a dry run", dryRun},
          {"a refusal", refusal},
          {"a migration that is cancelled", cancel},
          {"a migration that is deleted", deletion},
          {"a second attempt", retry},
          {"a finished migration expires", expiry},
          {"a claim whose holder is gone", claimLeftBehind}};
}

}  // namespace vnic::test
