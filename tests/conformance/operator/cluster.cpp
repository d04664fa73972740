// SPDX-License-Identifier: Apache-2.0
#include "conformance/operator/cluster.h"

#include <fmt/format.h>

#include <chrono>
#include <list>
#include <stdexcept>

#include <utility>

#include "api/names.h"
#include "domain/domain_xml.h"
#include "kube/kubeconfig.h"
#include "support/eventually.h"
#include "support/source_tree.h"

namespace vnic::test {
namespace {

using namespace std::chrono_literals;

constexpr int kVfsPerHost = 64;

std::unique_ptr<kube::Connection> connect(const std::string& kubeconfig, Clock& clock) {
  auto config = kube::readKubeconfig({kubeconfig}, "");
  if (!config) throw std::runtime_error(config.error().message);
  auto connection = kube::Connection::open(*config, clock, Logger());
  if (!connection) throw std::runtime_error(connection.error().message);
  return std::move(*connection);
}

}  // namespace

VmShape Guest::shape() const {
  return {.name = name, .uuid = uuid, .vnicNamespace = kNamespace, .nics = {nic}};
}

Cluster::Cluster(ControlPlane::Options options) : controlPlane_(options) {
  RunningOperator::initializeTransport();
  connection_ = connect(controlPlane_.adminKubeconfig(), clock_);
  admin_ = connection_->makeClient({});
  const nlohmann::json ns{{"apiVersion", "v1"},
                          {"kind", "Namespace"},
                          {"metadata", {{"name", kNamespace}, {"labels", {{"tier", "gold"}}}}}};
  expect(admin_->create({"", "v1", "namespaces", "Namespace", false}, ns));
  addHost("host1");
  addHost("host2");
  api::VnicProfileSpec standby;
  standby.network = "tenant-blue";
  create<api::VnicProfile>("", "blue-standby", toJson(standby));
  api::VnicProfileSpec blue = standby;
  blue.passthrough = true;
  blue.failover = "blue-standby";
  create<api::VnicProfile>("", "blue", toJson(blue));
  blue.allowedNamespaces = {"Selector", {{"tier", "gold"}}};
  create<api::VnicProfile>("", "gold", toJson(blue));
}

void Cluster::addHost(const std::string& name) {
  hosts_.addHost(name, kVfsPerHost);
  api::VmHostSpec host;
  host.libvirtURI = "qemu+tls://" + name + "/system";
  host.physicalFunctions = {{"enp1s0", {"tenant-blue"}}};
  create<api::VmHost>("", name, toJson(host));
}

void Cluster::takeNodes() {
  const CommandResult applied = controlPlane_.kubectl({"apply", "-f", sourcePath(kNodeRole)});
  if (!applied.ok()) throw std::runtime_error(applied.err);
  nodeLibvirtURI_ = kNodeLibvirtURI;
}

void Cluster::startOperator(const std::string& kubeconfig) {
  kubeconfig_ = kubeconfig.empty() ? controlPlane_.operatorKubeconfig().string() : kubeconfig;
  handOver();
}

void Cluster::handOver() {
  app::Options options = RunningOperator::optionsFor(kubeconfig_);
  options.nodeLibvirtURI = nodeLibvirtURI_;
  auto next = std::make_unique<RunningOperator>(std::move(options), hosts_);
  stopOperator();
  operator_ = std::move(next);
}

void Cluster::stopOperator() {
  if (!operator_) return;
  const int code = operator_->stop();
  operator_.reset();
  if (code != 0) throw std::runtime_error(fmt::format("the operator ended with {}", code));
}

Guest Cluster::newGuest() {
  const int number = guests_++;
  Guest guest;
  guest.name = fmt::format("vm{}", number);
  guest.uuid = fmt::format("11111111-1111-1111-1111-{:012}", number);
  guest.nic.mac = fmt::format("52:54:00:cc:00:{:02x}", number);
  guest.nic.network = "tenant-blue";
  guest.nic.standbyAlias = "ua-standby";
  guest.nic.vf = fmt::format("0000:01:{:02x}.{}", 0x10 + number / 4, 2 * (number % 4));
  guest.nic.vfAlias = "ua-vf";
  guest.nic.guestAddress = "0000:03:00.0";
  return guest;
}

Guest Cluster::addGuest(const std::string& host) {
  const Guest guest = newGuest();
  hosts_.addVm(host, guest.shape());
  addVnic(guest);
  awaitSettled(guest, host);
  return guest;
}

void Cluster::addVnic(const Guest& guest, const std::string& profile,
                      const std::string& deletionPolicy) {
  api::VnicSpec vnic;
  vnic.vmName = guest.name;
  vnic.profile = profile;
  vnic.macAddress = guest.nic.mac;
  vnic.deletionPolicy = deletionPolicy;
  create<api::Vnic>(kNamespace, guest.vnic().name, toJson(vnic));
}

api::ObjectKey Cluster::migrate(const Guest& guest,
                                const std::function<void(api::VmMigrationSpec&)>& change) {
  const api::ObjectKey key{kNamespace, fmt::format("move-{}", migrations_++)};
  api::VmMigrationSpec spec;
  spec.vmName = guest.name;
  if (change) change(spec);
  create<api::VmMigration>(key.ns, key.name, toJson(spec));
  return key;
}

api::VmMigration Cluster::awaitEnd(const api::ObjectKey& migration, const std::string& phase) {
  return await<api::VmMigration>(migration, phase + " and done", [&](const api::VmMigration& m) {
    return m.status.phase == phase && m.finished() && m.metadata.finalizers.empty();
  });
}

std::string Cluster::vfOf(const Guest& guest, const std::string& host) {
  const auto domain = hosts_.domain(host, guest.uuid);
  if (!domain || domain->liveXml.empty()) return "";
  const auto description = expect(domain::parseDomain(domain->liveXml));
  for (const auto& nic : description.hostdevs) {
    if (nic.mac == guest.nic.mac) return nic.source.str();
  }
  return "";
}

void Cluster::awaitSettled(const Guest& guest, const std::string& host) {
  std::string vf;
  awaitThat(guest.name + " runs on " + host + " with its VF, and nobody claims it", [&] {
    const auto lease = admin_->get(runtime::Lease::resource, {kOperatorNamespace, guest.claim()});
    vf = vfOf(guest, host);
    return !vf.empty() && hosts_.running(host, guest.uuid) && !lease &&
           lease.error().kind == ErrorKind::NotFound;
  });
  await<api::Vnic>(guest.vnic(), "attached with " + vf + " on " + host, [&](const api::Vnic& v) {
    return v.status.host == host && v.status.vf == vf &&
           conditionOf(v.status.conditions, api::condition::kReady).starts_with("True");
  });
  awaitThat(guest.name + " holds " + vf + " of " + host + " and nothing else", [&] {
    int held = 0;
    bool right = false;
    for (const auto& reservation : list<api::VfReservation>()) {
      if (reservation.spec.vmUUID != guest.uuid) continue;
      ++held;
      right |= reservation.spec.hostName == host && reservation.spec.address == vf &&
               reservation.spec.purpose == api::purpose::kInUse && !reservation.spec.migration;
    }
    return right && held == 1;
  });
}

void Cluster::awaitThat(const std::string& what, const std::function<bool()>& wanted) {
  if (!eventually(wanted)) throw std::runtime_error("It did not come to pass that " + what);
}

bool Cluster::eventually(const std::function<bool()>& condition) {
  return test::eventually(60s, condition, 20ms);
}

std::string conditionOf(const api::Conditions& conditions, const char* type) {
  const api::Condition* found = api::findCondition(conditions, type);
  if (found == nullptr) return "";
  return fmt::format("{} {}", api::toString(found->status), found->reason);
}

}  // namespace vnic::test
