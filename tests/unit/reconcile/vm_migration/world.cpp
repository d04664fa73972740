// SPDX-License-Identifier: Apache-2.0
#include "unit/reconcile/vm_migration/world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <utility>

#include "api/names.h"

namespace vnic::test {
namespace {

using namespace std::chrono_literals;
namespace mig = reconcile::vm_migration;

const api::ObjectKey kKey{"team-a", "move"};

api::VmHost host(const std::string& name) {
  api::VmHost h;
  h.metadata.name = name;
  h.spec.libvirtURI = "qemu+tls://" + name + "/system";
  h.spec.physicalFunctions = {{"enp1s0", {"tenant-blue"}}};
  return h;
}

}  // namespace

World::World() {
  for (const char* name : {"host1", "host2"}) {
    hypervisor.addHost(name);
    hypervisor.setHost(name, std::string("qemu+tls://") + name + "/system");
    client.add(host(name));
  }
  api::VnicProfile standby;
  standby.metadata.name = "blue-standby";
  standby.spec.network = "tenant-blue";
  client.add(standby);
  api::VnicProfile blue;
  blue.metadata.name = "blue";
  blue.spec.network = "tenant-blue";
  blue.spec.passthrough = true;
  blue.spec.failover = "blue-standby";
  client.add(blue);
  reconciler_ = makeReconciler();
}

VmShape World::shapeOfVm(int nics, bool failover) {
  VmShape shape;
  shape.name = "db";
  shape.uuid = kUuid;
  shape.vnicNamespace = "team-a";
  for (int i = 0; i < nics; ++i) {
    VmNic nic;
    nic.mac = i == 0 ? kMac : kMac2;
    nic.vf = i == 0 ? "0000:01:10.0" : "0000:01:10.2";
    nic.vfAlias = "ua-vf" + std::to_string(i);
    nic.guestAddress = i == 0 ? "0000:03:00.0" : "0000:04:00.0";
    nic.teaming = failover;
    if (failover) {
      nic.network = "tenant-blue";
      nic.standbyAlias = "ua-standby" + std::to_string(i);
    }
    shape.nics.push_back(nic);
  }
  return shape;
}

void World::addVm(int nics, bool failover) {
  const VmShape shape = shapeOfVm(nics, failover);
  for (int i = 0; i < nics; ++i) {
    api::Vnic vnic;
    vnic.metadata.ns = "team-a";
    vnic.metadata.name = "db-" + std::to_string(i);
    vnic.spec.vmName = "db";
    vnic.spec.profile = "blue";
    vnic.spec.macAddress = shape.nics[static_cast<std::size_t>(i)].mac;
    client.add(vnic);
  }
  hypervisor.addVm("host1", shape);
}

void World::addMigration(const api::VmMigrationSpec& spec) {
  api::VmMigration m;
  m.metadata.ns = kKey.ns;
  m.metadata.name = kKey.name;
  m.spec = spec;
  if (m.spec.vmName.empty()) m.spec.vmName = "db";
  client.add(m);
}

std::unique_ptr<mig::VmMigrationReconciler> World::makeReconciler() {
  mig::Observer observer({migrations_, hosts_, vnics_, profiles_, reservations_, hypervisor,
                          hostCache_, clock, &agents_},
                         {"vnic-operator-system", 5});
  const auto leaseTimeLeft = [this]() -> Duration {
    if (!effectsLeft) return 1h;
    return (*effectsLeft)-- > 0 ? Duration(1h) : Duration(0);
  };
  // The caches are synchronised before each pass, so they have always seen everything.
  const auto everything = [](const api::ObjectKey&) { return true; };
  return std::make_unique<mig::VmMigrationReconciler>(
      mig::VmMigrationReconciler::Ports{client, hypervisor, migrations_, everything, vnics_,
                                        claims_, events, leaseTimeLeft, clock},
      std::move(observer), metrics_, Logger());
}

void World::sync() {
  sweep();
  client.sync(migrations_);
  client.sync(hosts_);
  client.sync(vnics_);
  client.sync(profiles_);
  client.sync(reservations_);
  if (!freshHosts && hostCache_.get("host1")) return;
  (void)hostCache_.refresh("host1");
  (void)hostCache_.refresh("host2");
}

bool World::pass() {
  sync();
  const auto done = reconciler_->reconcile(kKey, {});
  if (!done) {
    clock.advance(10ms);
    return true;
  }
  if (!done->requeueAfter) return false;
  // A pass that wants to be repeated at once takes its time all the same.
  clock.advance(std::max<Duration>(*done->requeueAfter, 10ms));
  return true;
}

void World::settle() {
  for (int i = 0; i < 500 && pass(); ++i) {
  }
  sweep();
}

void World::sweep() {
  for (const auto& r : client.all<api::VfReservation>()) {
    if (r.spec.purpose != api::purpose::kReleasing) continue;
    if (liveVf(r.spec.hostName) == r.spec.address) continue;
    if (liveVf(r.spec.hostName, kMac2) == r.spec.address) continue;
    ASSERT_TRUE(kube::removeFinalizer(client, r));
    ASSERT_TRUE(client.remove(api::VfReservation::resource, r.metadata.key(), {}));
  }
}

void World::until(const std::string& phase) {
  for (int i = 0; i < 500 && migration().status.phase != phase; ++i) pass();
}

void World::restartOperator() {
  hypervisor.forgetOutcomes();
  reconciler_ = makeReconciler();
}

api::VmMigration World::migration() {
  return client.find<api::VmMigration>(kKey).value_or(api::VmMigration{});
}

std::string World::liveVf(const std::string& name, const std::string& mac) {
  const auto domain = hypervisor.domain(name, kUuid);
  if (!domain || domain->liveXml.empty()) return {};
  const auto description = domain::parseDomain(domain->liveXml);
  for (const auto& nic : description->hostdevs) {
    if (nic.mac == mac) return nic.source.str();
  }
  return {};
}

std::string World::purposeOf(const std::string& name, const std::string& address) {
  const auto r = client.find<api::VfReservation>({"", api::VfReservation::nameFor(name, address)});
  return r ? r->spec.purpose : "";
}

std::string World::broken() {
  if (hypervisor.running("host1", kUuid) && hypervisor.running("host2", kUuid)) {
    return "the VM runs twice";
  }
  std::map<std::string, int> claims;
  for (const auto& r : client.all<api::VfReservation>()) {
    if (r.spec.purpose != api::purpose::kReleasing) {
      ++claims[r.spec.hostName + r.spec.holder.uid];
    }
    if (r.spec.holder.uid.empty()) return "a reservation without holder";
  }
  for (const auto& [who, count] : claims) {
    if (count > 1) return "two VFs on one host for one Vnic: " + who;
  }
  const std::string& phase = migration().status.phase;
  if (phase != "Succeeded" && phase != "Failed" && phase != "Cancelled") return {};
  for (const auto& r : client.all<api::VfReservation>()) {
    if (r.spec.purpose == api::purpose::kReturn || r.spec.purpose == api::purpose::kTarget) {
      return "finished, but " + r.metadata.name + " is " + r.spec.purpose;
    }
  }
  return {};
}

std::string reasonOf(const api::VmMigration& m) {
  const auto* ready = api::findCondition(m.status.conditions, api::condition::kReady);
  return ready ? ready->reason : "";
}

}  // namespace vnic::test
