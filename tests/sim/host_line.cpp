// SPDX-License-Identifier: Apache-2.0
#include "sim/host_line.h"

#include <fmt/format.h>

#include <chrono>
#include <vector>

#include "sim/operator_process.h"
#include "sim/world.h"
#include "support/fake_domain_xml.h"

namespace vnic::sim {
namespace {

using namespace std::chrono_literals;

constexpr Duration kQuery = 5ms;
constexpr Duration kChange = 50ms;  // measured: up to 0.05 s unless something is in the way
constexpr Duration kAttach = 700ms;
constexpr Duration kTimeOut = 2s;

Error lost(const std::string& host) {
  return Error::transient(host + ": the connection was lost");
}

}  // namespace

void HostLine::deliver(const hypervisor::HypervisorEvent& event) {
  if (handler_ && known_.contains(event.host)) handler_(event);
}

void HostLine::setHost(const std::string& host, const std::string&) {
  known_.insert(host);
}

void HostLine::removeHost(const std::string& host) {
  known_.erase(host);
}

template <class Answer>
Answer HostLine::read(const std::string& host, const std::function<Answer()>& call) {
  if (!process_.alive()) return vnic::fail(lost(host));
  if (!known_.contains(host)) return vnic::fail(Error::transient("host " + host + " is not known"));
  const bool slow = world_.fleet.hosts.hung(host);
  world_.duringCall(process_, slow ? kTimeOut : kQuery);
  world_.fleet.hosts.actAs(process_.number());
  return call();
}

Status HostLine::change(HostChange change, Duration duration, const std::function<Status()>& call) {
  const std::string& host = change.host;
  if (!process_.alive()) return vnic::fail(lost(host));
  if (!known_.contains(host)) return vnic::fail(Error::transient("host " + host + " is not known"));
  world_.duringCall(process_, duration / 2);
  if (!process_.alive()) return vnic::fail(lost(host));
  std::optional<LineFault> fault;
  if (auto& queued = faults_[host]; !queued.empty()) {
    fault = queued.front();
    queued.pop_front();
  }
  if (fault == LineFault::Lost) {
    world_.trace(process_, change.text + " (lost)");
    return vnic::fail(lost(host));
  }
  world_.checkBefore(process_, change);
  world_.fleet.hosts.actAs(process_.number());
  const std::uint64_t before = world_.fleet.hosts.changes();
  Status answer = call();
  world_.trace(process_, change.text + (answer ? "" : " (" + answer.error().message + ")"));
  if (world_.fleet.hosts.changes() != before) {
    process_.countEffect();
    world_.checkNow();
  }
  if (world_.fleet.hosts.hung(host)) duration = kTimeOut;
  world_.duringCall(process_, duration / 2);
  if (fault == LineFault::AnswerLost) return vnic::fail(lost(host));
  return answer;
}

Status HostLine::changeDevice(HostChange::What what, const std::string& host,
                              const std::string& uuid, const std::string& deviceXml,
                              hypervisor::DeviceScope scope, Duration duration,
                              const std::function<Status()>& call) {
  HostChange it{what, host, uuid, ""};
  it.mac = test::macOfDevice(deviceXml);
  it.vf = test::sourceVfOfDevice(deviceXml);
  it.live = scope != hypervisor::DeviceScope::Persistent;
  it.text =
      fmt::format("{}{} {} {} {} {}", what == HostChange::What::Detach ? "detach" : "attach",
                  it.live ? "" : " in the definition", host, world_.nameOf(uuid), it.mac, it.vf);
  return change(std::move(it), duration, call);
}

Result<hypervisor::HostSnapshot> HostLine::snapshot(const std::string& host) {
  return read<Result<hypervisor::HostSnapshot>>(host,
                                                [&] { return world_.fleet.hosts.snapshot(host); });
}

Result<std::vector<hypervisor::DomainSummary>> HostLine::domains(const std::string& host) {
  return read<Result<std::vector<hypervisor::DomainSummary>>>(
      host, [&] { return world_.fleet.hosts.domains(host); });
}

Result<hypervisor::Domain> HostLine::domain(const std::string& host, const std::string& uuid) {
  return read<Result<hypervisor::Domain>>(host,
                                          [&] { return world_.fleet.hosts.domain(host, uuid); });
}

Status HostLine::detachDevice(const std::string& host, const std::string& uuid,
                              const std::string& deviceXml, hypervisor::DeviceScope scope) {
  return changeDevice(HostChange::What::Detach, host, uuid, deviceXml, scope,
                      world_.fleet.unplugCallTime(uuid),
                      [&] { return world_.fleet.detach(host, uuid, deviceXml, scope); });
}

Status HostLine::attachDevice(const std::string& host, const std::string& uuid,
                              const std::string& deviceXml, hypervisor::DeviceScope scope) {
  return changeDevice(HostChange::What::Attach, host, uuid, deviceXml, scope, kAttach, [&] {
    return world_.fleet.hosts.attachDevice(host, uuid, deviceXml, scope);
  });
}

Status HostLine::setAutostart(const std::string& host, const std::string& uuid, bool on) {
  return change({HostChange::What::Autostart, host, uuid,
                 fmt::format("autostart {} {} {}", host, world_.nameOf(uuid), on ? "on" : "off")},
                kChange, [&] { return world_.fleet.hosts.setAutostart(host, uuid, on); });
}

Status HostLine::define(const std::string& host, const std::string& xml) {
  const auto description = domain::parseDomain(xml);
  const std::string uuid = description ? description->uuid : "";
  return change({HostChange::What::Define, host, uuid,
                 fmt::format("define {} {}", host, world_.nameOf(uuid))},
                kChange, [&] { return world_.fleet.hosts.define(host, xml); });
}

Status HostLine::resume(const std::string& host, const std::string& uuid) {
  return change({HostChange::What::Resume, host, uuid,
                 fmt::format("resume {} {}", host, world_.nameOf(uuid))},
                kChange, [&] { return world_.fleet.hosts.resume(host, uuid); });
}

Status HostLine::destroy(const std::string& host, const std::string& uuid) {
  return change({HostChange::What::Destroy, host, uuid,
                 fmt::format("destroy {} {}", host, world_.nameOf(uuid))},
                kChange, [&] { return world_.fleet.hosts.destroy(host, uuid); });
}

Status HostLine::startMigration(const std::string& host,
                                const hypervisor::MigrationRequest& request) {
  return change(
      {HostChange::What::Migrate, host, request.uuid,
       fmt::format("migrate {} {} {}", host, world_.nameOf(request.uuid), request.peerURI)},
      kChange, [&] { return world_.fleet.startMigration(host, request); });
}

std::optional<hypervisor::MigrationOutcome> HostLine::migrationOutcome(const std::string& host,
                                                                       const std::string& uuid) {
  if (!process_.alive()) return std::nullopt;
  world_.fleet.hosts.actAs(process_.number());
  return world_.fleet.hosts.migrationOutcome(host, uuid);
}

void HostLine::forgetMigration(const std::string& host, const std::string& uuid) {
  world_.fleet.hosts.actAs(process_.number());
  world_.fleet.hosts.forgetMigration(host, uuid);
}

Result<hypervisor::JobProgress> HostLine::jobProgress(const std::string& host,
                                                      const std::string& uuid) {
  return read<Result<hypervisor::JobProgress>>(host, [&] {
    world_.fleet.updateProgress(uuid);
    return world_.fleet.hosts.jobProgress(host, uuid);
  });
}

Status HostLine::abortJob(const std::string& host, const std::string& uuid) {
  return change(
      {HostChange::What::Abort, host, uuid, fmt::format("abort {} {}", host, world_.nameOf(uuid))},
      kChange, [&] { return world_.fleet.abort(host, uuid); });
}

Status HostLine::setMaxDowntime(const std::string& host, const std::string& uuid,
                                std::int64_t milliseconds) {
  return change({HostChange::What::Downtime, host, uuid,
                 fmt::format("max-downtime {} {}", host, world_.nameOf(uuid))},
                kChange,
                [&] { return world_.fleet.hosts.setMaxDowntime(host, uuid, milliseconds); });
}

Result<hypervisor::PeerProbe> HostLine::probePeer(const std::string& host,
                                                  const std::string& peerURI) {
  return read<Result<hypervisor::PeerProbe>>(
      host, [&] { return world_.fleet.hosts.probePeer(host, peerURI); });
}

Result<hypervisor::MoveObstacles> HostLine::moveObstacles(const std::string& host,
                                                          const std::string& uuid) {
  return read<Result<hypervisor::MoveObstacles>>(
      host, [&] { return world_.fleet.hosts.moveObstacles(host, uuid); });
}

Result<hypervisor::MoveProbe> HostLine::probeMove(const std::string& host, const std::string& uuid,
                                                  const std::string& peerURI) {
  return read<Result<hypervisor::MoveProbe>>(
      host, [&] { return world_.fleet.hosts.probeMove(host, uuid, peerURI); });
}

Result<hypervisor::Suitability> HostLine::suitability(const std::string& host,
                                                      const hypervisor::GuestNeeds& needs) {
  return read<Result<hypervisor::Suitability>>(
      host, [&] { return world_.fleet.hosts.suitability(host, needs); });
}

Result<std::set<std::string>> HostLine::guestDevices(const std::string& host,
                                                     const std::string& uuid) {
  return read<Result<std::set<std::string>>>(
      host, [&] { return world_.fleet.hosts.guestDevices(host, uuid); });
}

}  // namespace vnic::sim
