// SPDX-License-Identifier: Apache-2.0
// One process's connections to the hosts. Calls take their time; a connection may break with the
// change done or not done. What the hosts themselves do is in fleet.h.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sim/api_line.h"
#include "support/fake_hypervisor.h"

namespace vnic::sim {

// A change to a VM that an operator is about to make.
struct HostChange {
  enum class What { Detach, Attach, Define, Autostart, Resume, Destroy, Migrate, Abort, Downtime };
  What what;
  std::string host;
  std::string uuid;
  std::string text;  // for people
  // Of the device, with Detach and Attach.
  std::string mac = {};
  std::string vf = {};
  bool live = false;  // the running VM's, not its definition's
};

class HostLine final : public hypervisor::Hypervisor {
 public:
  HostLine(World& world, OperatorProcess& process) : world_(world), process_(process) {}

  void fail(const std::string& host, LineFault fault) { faults_[host].push_back(fault); }
  void deliver(const hypervisor::HypervisorEvent& event);

  void setHost(const std::string& host, const std::string& uri) override;
  void removeHost(const std::string& host) override;
  void setEventHandler(EventHandler handler) override { handler_ = std::move(handler); }
  Result<hypervisor::HostSnapshot> snapshot(const std::string& host) override;
  Result<std::vector<hypervisor::DomainSummary>> domains(const std::string& host) override;
  Result<hypervisor::Domain> domain(const std::string& host, const std::string& uuid) override;
  Status detachDevice(const std::string& host, const std::string& uuid,
                      const std::string& deviceXml, hypervisor::DeviceScope scope) override;
  Status attachDevice(const std::string& host, const std::string& uuid,
                      const std::string& deviceXml, hypervisor::DeviceScope scope) override;
  Status setAutostart(const std::string& host, const std::string& uuid, bool on) override;
  Status define(const std::string& host, const std::string& xml) override;
  Status resume(const std::string& host, const std::string& uuid) override;
  Status destroy(const std::string& host, const std::string& uuid) override;
  Status startMigration(const std::string& host,
                        const hypervisor::MigrationRequest& request) override;
  std::optional<hypervisor::MigrationOutcome> migrationOutcome(const std::string& host,
                                                               const std::string& uuid) override;
  void forgetMigration(const std::string& host, const std::string& uuid) override;
  Result<hypervisor::JobProgress> jobProgress(const std::string& host,
                                              const std::string& uuid) override;
  Status abortJob(const std::string& host, const std::string& uuid) override;
  Status setMaxDowntime(const std::string& host, const std::string& uuid,
                        std::int64_t milliseconds) override;
  Result<hypervisor::PeerProbe> probePeer(const std::string& host,
                                          const std::string& peerURI) override;
  Result<hypervisor::MoveObstacles> moveObstacles(const std::string& host,
                                                  const std::string& uuid) override;
  Result<hypervisor::MoveProbe> probeMove(const std::string& host, const std::string& uuid,
                                          const std::string& peerURI) override;
  Result<hypervisor::Suitability> suitability(const std::string& host,
                                              const hypervisor::GuestNeeds& needs) override;
  Result<std::set<std::string>> guestDevices(const std::string& host,
                                             const std::string& uuid) override;

 private:
  template <class Answer>
  Answer read(const std::string& host, const std::function<Answer()>& call);
  Status change(HostChange change, Duration duration, const std::function<Status()>& call);
  Status changeDevice(HostChange::What what, const std::string& host, const std::string& uuid,
                      const std::string& deviceXml, hypervisor::DeviceScope scope,
                      Duration duration, const std::function<Status()>& call);

  World& world_;
  OperatorProcess& process_;
  EventHandler handler_;
  std::set<std::string> known_;
  std::map<std::string, std::deque<LineFault>> faults_;
};

}  // namespace vnic::sim
