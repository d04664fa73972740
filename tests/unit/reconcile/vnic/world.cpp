// SPDX-License-Identifier: Apache-2.0
#include "unit/reconcile/vnic/world.h"

#include <gtest/gtest.h>

#include "api/names.h"

namespace vnic::test {
namespace {

using reconcile::vnic::ReservationReconciler;
using reconcile::vnic::VnicReconciler;

std::string vfOf(const std::string& xml) {
  if (xml.empty()) return {};
  const auto description = domain::parseDomain(xml);
  if (!description || description->hostdevs.empty()) return {};
  return description->hostdevs[0].source.str();
}

}  // namespace

VnicWorld::VnicWorld() {
  for (const char* name : {"host1", "host2"}) {
    hypervisor.addHost(name);
    hypervisor.setHost(name, "qemu:///system");
    api::VmHost host;
    host.metadata.name = name;
    host.spec.libvirtURI = "qemu:///system";
    host.spec.physicalFunctions = {{"enp1s0", {"tenant-blue"}}};
    client.add(host);
  }
  const auto addProfile = [&](const char* name, bool passthrough, const char* failover) {
    api::VnicProfile profile;
    profile.metadata.name = name;
    profile.spec.network = "tenant-blue";
    profile.spec.passthrough = passthrough;
    profile.spec.failover = failover;
    client.add(profile);
  };
  addProfile("blue", true, "blue-standby");
  addProfile("plain", true, "");
  addProfile("blue-standby", false, "");
  restartOperator();
}

VnicReconciler::Ports VnicWorld::vnicPorts() {
  return {{vnics, profiles, hosts, migrations, reservationStore, hostCache, "vnic-system"},
          {client, hypervisor, hostCache, reservationStore, claims, events,
           [this] { return leaseTimeLeft; }, Logger()},
          clock};
}

void VnicWorld::restartOperator() {
  reconciler_ = std::make_unique<VnicReconciler>(vnicPorts(), VnicReconciler::Options{});
  sweeper_ = std::make_unique<ReservationReconciler>(
      ReservationReconciler::Ports{reservationStore, vnics, migrations, hosts, hostCache, client,
                                   events, [this] { return leaseTimeLeft; }, Logger()});
}

void VnicWorld::addVm(const std::string& host, bool failover) {
  VmNic nic;
  nic.mac = kMac;
  nic.vf = "0000:01:10.0";
  nic.vfAlias = "ua-blue";
  nic.guestAddress = "0000:03:00.0";
  nic.teaming = failover;
  if (failover) {
    nic.network = "tenant-blue";
    nic.standbyAlias = "ua-blue-standby";
  }
  hypervisor.addVm(host, {.name = "db", .uuid = kUuid, .vnicNamespace = "team-a", .nics = {nic}});
}

void VnicWorld::addBareVm(const std::string& host) {
  hypervisor.addVm(host, {.name = "db", .uuid = kUuid, .vnicNamespace = "team-a", .nics = {}});
}

void VnicWorld::addVmWithVf(const std::string& vf, const std::string& host) {
  hypervisor.addVm(host, {.name = "web",
                          .uuid = "u2",
                          .nics = {{.mac = "52:54:00:cc:00:09",
                                    .vf = vf,
                                    .vfAlias = "ua-web",
                                    .guestAddress = "0000:03:00.0",
                                    .teaming = false}}});
}

api::Vnic VnicWorld::addVnic(const api::VnicSpec& spec) {
  api::Vnic vnic;
  vnic.metadata.ns = "team-a";
  vnic.metadata.name = "db-blue";
  vnic.spec = spec;
  return client.add(vnic);
}

api::VmMigration VnicWorld::addMigration(bool finished) {
  api::VmMigration migration;
  migration.metadata.ns = "team-a";
  migration.metadata.name = "move";
  if (finished) migration.metadata.annotations[api::kFinishedAnnotation] = "Succeeded";
  migration.spec.vmName = "db";
  migration.status.targetHost = "host2";
  migration.status.vmUUID = kUuid;
  return client.add(migration);
}

void VnicWorld::takeVfOut(const std::string& host) {
  const auto domain = hypervisor.domain(host, kUuid).value();
  const auto description = domain::parseDomain(domain.liveXml).value();
  const auto& nic = description.hostdevs.at(0);
  const auto xml = domain::vfDeviceXml(domain::planOf(nic), nic.source).value();
  ASSERT_TRUE(hypervisor.detachDevice(host, kUuid, xml, vnic::hypervisor::DeviceScope::Live));
}

void VnicWorld::sync() {
  client.sync(vnics);
  client.sync(profiles);
  client.sync(hosts);
  client.sync(migrations);
  client.sync(reservationStore);
  for (const auto& host : hosts.list()) (void)hostCache.refresh(host->metadata.name);
}

Result<reconcile::Done> VnicWorld::pass(const std::string& vnic) {
  sync();
  return reconciler_->reconcile({"team-a", vnic}, {});
}

void VnicWorld::sweep() {
  for (int i = 0; i < 10; ++i) {
    sync();
    const auto before = client.writes().size();
    for (const auto& reservation : reservationStore.list()) {
      const auto done = sweeper_->reconcile(reservation->metadata.key(), {});
      EXPECT_TRUE(done) << done.error().message;
    }
    if (client.writes().size() == before) return;
  }
  ADD_FAILURE() << "the sweep does not come to rest";
}

api::Vnic VnicWorld::vnic(const std::string& name) {
  return client.find<api::Vnic>({"team-a", name}).value();
}

std::string VnicWorld::condition(const std::string& type, const std::string& name) {
  const auto object = vnic(name);
  const auto* condition = api::findCondition(object.status.conditions, type);
  if (condition == nullptr) return "absent";
  return std::string(toString(condition->status)) + " " + condition->reason;
}

std::string VnicWorld::liveVf(const std::string& host) {
  return vfOf(hypervisor.domain(host, kUuid).value().liveXml);
}

std::string VnicWorld::definedVf(const std::string& host) {
  return vfOf(hypervisor.domain(host, kUuid).value().persistentXml);
}

std::optional<api::VfReservation> VnicWorld::reservation(const std::string& name) {
  return client.find<api::VfReservation>({"", name});
}

std::vector<std::string> VnicWorld::reservations() {
  std::vector<std::string> result;
  for (const auto& reservation : client.all<api::VfReservation>()) {
    result.push_back(reservation.metadata.name + " " + reservation.spec.purpose);
  }
  return result;
}

std::optional<std::string> VnicWorld::claimHolder() {
  return claims.holderOf(std::string("vm-") + kUuid).value();
}

}  // namespace vnic::test
