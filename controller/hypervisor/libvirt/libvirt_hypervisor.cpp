// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/libvirt/libvirt_hypervisor.h"

#include <libvirt/virterror.h>

#include <fmt/format.h>

#include <set>
#include <utility>
#include <vector>

#include "hypervisor/libvirt/connect_uri.h"
#include "hypervisor/libvirt/errors.h"
#include "hypervisor/libvirt/event_loop.h"
#include "hypervisor/libvirt/event_sink.h"
#include "hypervisor/libvirt/host_connection.h"
#include "hypervisor/libvirt/host_reading.h"
#include "hypervisor/libvirt/migrate_call.h"
#include "hypervisor/libvirt/migrations.h"
#include "hypervisor/libvirt/move_questions.h"

namespace vnic::hypervisor {
namespace {

constexpr Duration kClosingTime = std::chrono::seconds(1);

unsigned flagsOf(DeviceScope scope) {
  switch (scope) {
    case DeviceScope::Live:
      return VIR_DOMAIN_AFFECT_LIVE;
    case DeviceScope::Persistent:
      return VIR_DOMAIN_AFFECT_CONFIG;
    case DeviceScope::LiveAndPersistent:
      break;
  }
  return VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG;
}

// A change of one domain: found by its UUID, then one libvirt call that gives -1 for an error.
template <class Change>
HostConnection::Call<void> onDomain(std::string uuid, std::string what, Change change) {
  return [uuid = std::move(uuid), what = std::move(what),
          change = std::move(change)](virConnectPtr connection) -> Status {
    const auto domain = lookUp(connection, uuid);
    if (!domain) return fail(domain.error());
    if (change(domain->get()) < 0) return failLast(what);
    return {};
  };
}

// The definition first: whoever dies in between leaves a copy that runs, which is found again.
// NVRAM may be on storage that the other copy uses.
int removeDomain(virDomainPtr domain) {
  constexpr unsigned kFlags =
      VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |
      VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA | VIR_DOMAIN_UNDEFINE_KEEP_NVRAM;
  const int persistent = virDomainIsPersistent(domain);
  if (persistent < 0 || (persistent == 1 && virDomainUndefineFlags(domain, kFlags) < 0)) return -1;
  return virDomainDestroy(domain);
}

Status abortMigration(virConnectPtr connection, const std::string& uuid) {
  const auto domain = lookUp(connection, uuid);
  if (!domain) {
    if (domain.error().kind == ErrorKind::NotFound) return {};
    return fail(domain.error());
  }
  if (virDomainAbortJob(domain->get()) == 0) return {};
  const Error error = lastError("abort the job");
  const bool noJob = error.code == VIR_ERR_OPERATION_INVALID &&
                     (error.message.find("no job is active") != std::string::npos ||
                      error.message.find("not running") != std::string::npos);
  if (noJob) return {};
  return fail(error);
}

}  // namespace

LibvirtHypervisor::LibvirtHypervisor(Logger log, LibvirtOptions options)
    : log_(std::move(log)),
      options_(std::move(options)),
      loop_(EventLoop::acquire()),
      openLinks_(std::make_shared<OpenLinks>()),
      sink_(std::make_shared<EventSink>()),
      migrations_(std::make_unique<Migrations>(options_, loop_, sink_, log_)) {}

LibvirtHypervisor::~LibvirtHypervisor() {
  sink_->close();
  hosts_.clear();
  openLinks_->waitUntilNone(kClosingTime);
}

void LibvirtHypervisor::setHost(const std::string& host, const std::string& uri) {
  const auto usable = connectUri(uri, options_.pkiPath, options_.allowInsecure);
  const std::lock_guard lock(mutex_);
  refused_.erase(host);
  if (!usable) {
    hosts_.erase(host);
    refused_.emplace(host, usable.error());
    return;
  }
  std::shared_ptr<HostConnection>& connection = hosts_[host];
  if (connection && connection->uri() == *usable) return;
  connection =
      std::make_shared<HostConnection>(host, *usable, options_, loop_, openLinks_, sink_, log_);
}

void LibvirtHypervisor::removeHost(const std::string& host) {
  const std::lock_guard lock(mutex_);
  hosts_.erase(host);
  refused_.erase(host);
}

void LibvirtHypervisor::setEventHandler(EventHandler handler) {
  sink_->setHandler(std::move(handler));
}

Result<std::shared_ptr<HostConnection>> LibvirtHypervisor::find(const std::string& host) const {
  const std::lock_guard lock(mutex_);
  const auto found = hosts_.find(host);
  if (found != hosts_.end()) return found->second;
  if (const auto no = refused_.find(host); no != refused_.end()) return fail(no->second);
  return fail(Error::transient(fmt::format("host {} is not known yet", host)));
}

Result<HostSnapshot> LibvirtHypervisor::snapshot(const std::string& host) {
  return find(host).and_then([&](const auto& connection) {
    return connection->template query<HostSnapshot>(
        "read the host", options_.snapshotTimeout,
        [cache = connection->snapshotCache()](virConnectPtr libvirt) {
          return readSnapshot(libvirt, *cache);
        });
  });
}

Result<std::vector<DomainSummary>> LibvirtHypervisor::domains(const std::string& host) {
  return find(host).and_then([&](const auto& connection) {
    return connection->template query<std::vector<DomainSummary>>(
        "list domains", options_.queryTimeout, readDomains);
  });
}

Result<Domain> LibvirtHypervisor::domain(const std::string& host, const std::string& uuid) {
  return find(host).and_then([&](const auto& connection) {
    return connection->template query<Domain>(
        "read the domain", options_.queryTimeout,
        [uuid](virConnectPtr libvirt) { return readDomain(libvirt, uuid); });
  });
}

Status LibvirtHypervisor::detachDevice(const std::string& host, const std::string& uuid,
                                       const std::string& deviceXml, DeviceScope scope) {
  return find(host).and_then([&](const auto& connection) {
    return connection->template change<void>(
        "detach a device", options_.changeTimeout,
        onDomain(uuid, "detach a device", [deviceXml, flags = flagsOf(scope)](virDomainPtr domain) {
          return virDomainDetachDeviceFlags(domain, deviceXml.c_str(), flags);
        }));
  });
}

Status LibvirtHypervisor::attachDevice(const std::string& host, const std::string& uuid,
                                       const std::string& deviceXml, DeviceScope scope) {
  return find(host).and_then([&](const auto& connection) {
    return connection->template change<void>(
        "attach a device", options_.changeTimeout,
        onDomain(uuid, "attach a device", [deviceXml, flags = flagsOf(scope)](virDomainPtr domain) {
          return virDomainAttachDeviceFlags(domain, deviceXml.c_str(), flags);
        }));
  });
}

Status LibvirtHypervisor::setAutostart(const std::string& host, const std::string& uuid, bool on) {
  return find(host).and_then([&](const auto& connection) {
    return connection->template change<void>(
        "set autostart", options_.changeTimeout,
        onDomain(uuid, "set autostart",
                 [on](virDomainPtr domain) { return virDomainSetAutostart(domain, on ? 1 : 0); }));
  });
}

Status LibvirtHypervisor::define(const std::string& host, const std::string& xml) {
  return find(host).and_then([&](const auto& connection) {
    return connection->template change<void>(
        "define the domain", options_.changeTimeout, [xml](virConnectPtr libvirt) -> Status {
          const DomainHandle defined(virDomainDefineXML(libvirt, xml.c_str()));
          if (!defined) return failLast("define the domain");
          return {};
        });
  });
}

Status LibvirtHypervisor::resume(const std::string& host, const std::string& uuid) {
  return find(host).and_then([&](const auto& connection) {
    return connection->template change<void>("resume the domain", options_.changeTimeout,
                                             onDomain(uuid, "resume the domain", virDomainResume));
  });
}

Status LibvirtHypervisor::destroy(const std::string& host, const std::string& uuid) {
  return find(host).and_then([&](const auto& connection) {
    return connection->template change<void>("destroy the domain", options_.changeTimeout,
                                             onDomain(uuid, "destroy the domain", removeDomain));
  });
}

Status LibvirtHypervisor::startMigration(const std::string& host, const MigrationRequest& request) {
  return find(host).and_then(
      [&](const auto& connection) { return migrations_->start(host, connection->uri(), request); });
}

std::optional<MigrationOutcome> LibvirtHypervisor::migrationOutcome(const std::string& host,
                                                                    const std::string& uuid) {
  return migrations_->outcome(host, uuid);
}

void LibvirtHypervisor::forgetMigration(const std::string& host, const std::string& uuid) {
  migrations_->forget(host, uuid);
}

Result<JobProgress> LibvirtHypervisor::jobProgress(const std::string& host,
                                                   const std::string& uuid) {
  return find(host).and_then([&](const auto& connection) {
    return connection->template query<JobProgress>(
        "read the job", options_.queryTimeout,
        [uuid](virConnectPtr libvirt) { return readProgress(libvirt, uuid); });
  });
}

Status LibvirtHypervisor::abortJob(const std::string& host, const std::string& uuid) {
  migrations_->cancelUnbegun(host, uuid);
  return find(host).and_then([&](const auto& connection) {
    return connection->template abort<void>(
        "abort the job", options_.abortTimeout,
        [uuid](virConnectPtr libvirt) { return abortMigration(libvirt, uuid); });
  });
}

Status LibvirtHypervisor::setMaxDowntime(const std::string& host, const std::string& uuid,
                                         std::int64_t milliseconds) {
  return find(host).and_then([&](const auto& connection) {
    return connection->template query<void>(
        "limit the pause", options_.queryTimeout,
        onDomain(uuid, "limit the pause", [milliseconds](virDomainPtr domain) {
          return virDomainMigrateSetMaxDowntime(domain,
                                                static_cast<unsigned long long>(milliseconds), 0);
        }));
  });
}

Result<PeerProbe> LibvirtHypervisor::probePeer(const std::string& host,
                                               const std::string& peerURI) {
  return find(host).and_then([&](const auto& connection) {
    return connection->template change<PeerProbe>(
        "ask for the peer", options_.changeTimeout,
        [peerURI](virConnectPtr libvirt) { return askForPeer(libvirt, peerURI); });
  });
}

Result<MoveObstacles> LibvirtHypervisor::moveObstacles(const std::string& host,
                                                       const std::string& uuid) {
  return find(host).and_then([&](const auto& connection) {
    return connection->template query<MoveObstacles>(
        "ask what keeps a domain from moving", options_.queryTimeout,
        [uuid](virConnectPtr libvirt) { return readObstacles(libvirt, uuid); });
  });
}

Result<MoveProbe> LibvirtHypervisor::probeMove(const std::string& host, const std::string& uuid,
                                               const std::string& peerURI) {
  return find(host).and_then([&](const auto& connection) {
    return connection->template change<MoveProbe>(
        "ask whether a domain would move", options_.changeTimeout,
        [uuid, peerURI](virConnectPtr libvirt) { return askToMove(libvirt, uuid, peerURI); });
  });
}

Result<Suitability> LibvirtHypervisor::suitability(const std::string& host,
                                                   const GuestNeeds& needs) {
  return find(host).and_then([&](const auto& connection) {
    return connection->template query<Suitability>(
        "ask whether the host suits a domain", options_.queryTimeout,
        [needs](virConnectPtr libvirt) { return readSuitability(libvirt, needs); });
  });
}

Result<std::set<std::string>> LibvirtHypervisor::guestDevices(const std::string& host,
                                                              const std::string& uuid) {
  return find(host).and_then([&](const auto& connection) {
    return connection->template query<std::set<std::string>>(
        "read the guest's devices", options_.queryTimeout,
        [uuid](virConnectPtr libvirt) { return readGuestDevices(libvirt, uuid); });
  });
}

}  // namespace vnic::hypervisor
