// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "hypervisor/hypervisor.h"
#include "hypervisor/libvirt/options.h"
#include "support/log.h"

namespace vnic::hypervisor {

class EventLoop;
class EventSink;
class HostConnection;
class Migrations;
class OpenLinks;

// The hosts through libvirt's API. Make it before any other use of libvirt in the process. Its end
// waits for no call that is under way, only a moment for connections to close; migrations go on.
class LibvirtHypervisor final : public Hypervisor {
 public:
  explicit LibvirtHypervisor(Logger log, LibvirtOptions options = {});
  ~LibvirtHypervisor() override;
  LibvirtHypervisor(const LibvirtHypervisor&) = delete;
  LibvirtHypervisor& operator=(const LibvirtHypervisor&) = delete;

  void setHost(const std::string& host, const std::string& uri) override;
  void removeHost(const std::string& host) override;
  void setEventHandler(EventHandler handler) override;
  Result<HostSnapshot> snapshot(const std::string& host) override;
  Result<std::vector<DomainSummary>> domains(const std::string& host) override;
  Result<Domain> domain(const std::string& host, const std::string& uuid) override;
  Status detachDevice(const std::string& host, const std::string& uuid,
                      const std::string& deviceXml, DeviceScope scope) override;
  Status attachDevice(const std::string& host, const std::string& uuid,
                      const std::string& deviceXml, DeviceScope scope) override;
  Status setAutostart(const std::string& host, const std::string& uuid, bool on) override;
  Status define(const std::string& host, const std::string& xml) override;
  Status resume(const std::string& host, const std::string& uuid) override;
  Status destroy(const std::string& host, const std::string& uuid) override;
  Status startMigration(const std::string& host, const MigrationRequest& request) override;
  std::optional<MigrationOutcome> migrationOutcome(const std::string& host,
                                                   const std::string& uuid) override;
  void forgetMigration(const std::string& host, const std::string& uuid) override;
  Result<JobProgress> jobProgress(const std::string& host, const std::string& uuid) override;
  Status abortJob(const std::string& host, const std::string& uuid) override;
  Status setMaxDowntime(const std::string& host, const std::string& uuid,
                        std::int64_t milliseconds) override;
  Result<PeerProbe> probePeer(const std::string& host, const std::string& peerURI) override;
  Result<MoveObstacles> moveObstacles(const std::string& host, const std::string& uuid) override;
  Result<MoveProbe> probeMove(const std::string& host, const std::string& uuid,
                              const std::string& peerURI) override;
  Result<Suitability> suitability(const std::string& host, const GuestNeeds& needs) override;
  Result<std::set<std::string>> guestDevices(const std::string& host,
                                             const std::string& uuid) override;

 private:
  Result<std::shared_ptr<HostConnection>> find(const std::string& host) const;

  Logger log_;
  LibvirtOptions options_;
  std::shared_ptr<EventLoop> loop_;
  std::shared_ptr<OpenLinks> openLinks_;
  std::shared_ptr<EventSink> sink_;
  std::unique_ptr<Migrations> migrations_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<HostConnection>> hosts_;
  std::map<std::string, Error> refused_;  // hosts whose URI we do not open, and why
};

}  // namespace vnic::hypervisor
