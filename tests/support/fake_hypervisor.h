// SPDX-License-Identifier: Apache-2.0
// Hosts in memory, behind the hypervisor port. It does what libvirt (11.3) and QEMU (10.0) were
// seen to do on real hosts, faults included; nothing moves by itself: a migration advances when
// somebody looks at it, or, with `byHand`, when the test says so.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "hypervisor/hypervisor.h"

namespace vnic::test {

// A definition as libvirt prints it, for a VM with any number of NICs.
struct VmNic {
  std::string mac = {};
  std::string network = {};       // the virtio NIC's libvirt network, "" = no virtio NIC
  std::string standbyAlias = {};  // alias of the virtio NIC
  std::string vf = {};            // host PCI address of the VF, "" = no VF
  std::string vfAlias = {};       // "ua-..."
  std::string guestAddress = {};  // of the VF, 0000:03:00.0
  bool teaming = true;            // VF and virtio NIC are a failover pair
};

struct VmShape {
  std::string name = {};
  std::string uuid = {};
  std::string vnicNamespace = {};
  std::string machine = "pc-q35-10.0";
  std::int64_t memoryKiB = 262144;
  std::int64_t memoryLimitKiB = 0;  // <hard_limit>, 0 = none
  std::vector<VmNic> nics = {};
};

std::string domainXml(const VmShape& shape);

// Operations that a test can make fail once; in front of everything else that the fake checks.
enum class Operation {
  Snapshot,
  Domain,
  Detach,
  Attach,
  Define,
  SetAutostart,
  Resume,
  Destroy,
  StartMigration,
  JobProgress,
  AbortJob,
  Question  // of a preflight
};

class FakeHypervisor final : public hypervisor::Hypervisor {
 public:
  // ---- the world, for tests -------------------------------------------------------------------
  // A host with one PF ("enp1s0", 0000:01:00.0) of `vfCount` VFs (0000:01:10.0, .2, .4, ...), the
  // active libvirt network "tenant-blue", libvirt 11.3 and QEMU 10.0. setHost() makes it visible.
  void addHost(const std::string& host, int vfCount = 4);
  hypervisor::HostSnapshot& facts(const std::string& host);  // to change it; domains are not in it
  void setAway(const std::string& host, bool away);          // powered off or cut off

  void addVm(const std::string& host, const VmShape& shape, bool persistent = true);
  void remove(const std::string& host, const std::string& uuid);  // ended and undefined
  void setState(const std::string& host, const std::string& uuid, hypervisor::DomainState state,
                hypervisor::PausedReason reason = hypervisor::PausedReason::None);
  // Deaf: the guest ignores unplug requests; libvirt says success all the same.
  void setDeaf(const std::string& uuid, bool deaf);
  // It lets go of every NIC but this one.
  void keepInGuest(const std::string& mac);
  // The guest lets go, late, of all VFs that it was asked for.
  void eject(const std::string& host, const std::string& uuid);
  // The same, if it is still there and runs.
  void ejectIfRunning(const std::string& host, const std::string& uuid);

  // The guest's driver has (not) taken virtio NICs as standbys; QEMU hides the VFs of such pairs.
  void setNegotiated(const std::string& uuid, bool negotiated);
  // What a VM's host answers to questions about a move, beyond what follows from its definition.
  hypervisor::MoveObstacles& obstacles(const std::string& uuid);
  void setUnsafeStorage(const std::string& uuid, bool unsafe);
  // What a host answers to the needs of a VM.
  hypervisor::Suitability& suitabilityOf(const std::string& host);

  void failNext(Operation operation, Error error);
  // How often a migration must be looked at (outcome or progress) until it is through.
  int migrationPolls = 3;
  void failMigration(const std::string& uuid, Error error);  // the copy that runs now
  void finishMigration(const std::string& uuid);             // at once
  // The operator was killed and started again: outcomes are forgotten, migrations go on.
  void forgetOutcomes();
  // Several processes of the operator: who makes the calls that follow. Outcomes are each one's
  // own.
  void actAs(int caller);

  // ---- migrations by hand (fake_hypervisor_faults.cpp) ----------------------------------------
  bool byHand = false;
  // The job that moves this domain, 0 = none; another one each time.
  int jobOf(const std::string& uuid) const;
  std::string sourceOfJob(const std::string& uuid) const;
  std::string targetOfJob(const std::string& uuid) const;
  void setCopied(const std::string& uuid, int percent);
  void suspendSource(const std::string& uuid);  // the switch-over begins
  bool suspended(const std::string& uuid) const;
  // Only the caller loses its connection; the migration goes on.
  void loseCaller(const std::string& uuid);

  // ---- faults of hosts ------------------------------------------------------------------------
  void setHung(const std::string& host, bool hung);  // libvirtd stopped, and continued
  bool hung(const std::string& host) const;
  bool away(const std::string& host) const;
  void restartDaemon(const std::string& host);  // killed, and there again at once
  void killQemu(const std::string& host, const std::string& uuid);
  void powerOff(const std::string& host);
  void powerOn(const std::string& host);  // starts what is to start by itself
  Status start(const std::string& host, const std::string& uuid);
  // Incoming domains whose source does not talk to them any more.
  void dropOrphans(const std::string& host);

  std::vector<std::string> hostNames() const;
  // Moves with every change of any domain.
  std::uint64_t changes() const { return changes_; }
  // The hosts on which it runs, and, next, where it is that is not gone, with its definitions; no
  // fault stands in the way.
  std::vector<std::string> runsOn(const std::string& uuid) const;
  std::vector<std::pair<std::string, hypervisor::Domain>> everywhere(const std::string& uuid) const;
  std::vector<std::pair<std::string, hypervisor::Domain>> allDomains() const;

  // Every change that was asked for: "detach host1 vm1 52:54:00:cc:00:01", "migrate host1 vm1 ...".
  std::vector<std::string> calls() const;
  bool running(const std::string& host, const std::string& uuid) const;
  std::vector<hypervisor::MigrationRequest> migrationRequests() const;

  // ---- the port -------------------------------------------------------------------------------
  void setHost(const std::string& host, const std::string& uri) override;
  void removeHost(const std::string& host) override;
  void setEventHandler(EventHandler handler) override;
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
  struct Job {
    int number = 0;
    int caller = 0;
    std::string target;
    hypervisor::MigrationRequest request;
    int polls = 0;
    int copied = 0;  // percent, by hand
    bool aborted = false;
    bool suspended = false;
  };
  struct Vm : hypervisor::Domain {
    std::optional<Job> job;                    // outgoing
    std::vector<std::string> unplugRequested;  // deviceXml
    std::optional<std::int64_t> completedDowntime;
    bool incoming = false;      // a migration's target that does not run yet
    bool orphaned = false;      // and whose source has given up
    bool finishQueued = false;  // and that will run all the same
    std::string definition;     // that the target keeps after the migration
  };
  struct Host {
    std::string uri;  // "" = not set by the operator
    bool away = false;
    bool hung = false;
    hypervisor::HostSnapshot facts;
    hypervisor::Suitability suitability{"", "", 16 << 20};
    std::map<std::string, Vm> vms;  // by uuid
  };
  using MigrationKey = std::tuple<int, std::string, std::string>;  // caller, host, uuid

  Result<Host*> reach(const std::string& host, Operation operation);
  Result<Vm*> find(const std::string& host, const std::string& uuid, Operation operation);
  Host* peer(const std::string& peerURI);
  std::string hostNameOf(const std::string& peerURI) const;
  Status checkAttach(Host& host, const Vm& vm, const std::string& deviceXml) const;
  Status checkMigration(Host& source, const Vm& vm, const hypervisor::MigrationRequest& request);
  hypervisor::Domain view(const Host& host, const Vm& vm) const;
  void advance(const std::string& host, const std::string& uuid);
  void complete(const std::string& host, const std::string& uuid);
  void breakOff(const std::string& host, const std::string& uuid, Error error);
  void setOutcome(const Job& job, const std::string& host, const std::string& uuid,
                  std::optional<Error> error);
  void abandonIncoming(const std::string& host, const std::string& uuid, bool finishQueued);
  void removeIncoming(const std::string& host, const std::string& uuid);
  void stopProcess(const std::string& host, const std::string& uuid);
  std::pair<std::string, Vm*> migrating(const std::string& uuid);
  void notify(const std::string& host, const std::string& uuid, const std::string& what);

  mutable std::recursive_mutex mutex_;
  std::map<std::string, Host> hosts_;
  std::map<std::string, bool> deaf_;
  std::set<std::string> kept_;                   // by MAC
  std::map<std::string, bool> withoutFailover_;  // guests whose driver takes no standby
  std::map<std::string, bool> unsafeStorage_;
  std::map<std::string, hypervisor::MoveObstacles> obstacles_;
  std::map<Operation, std::deque<Error>> failures_;
  std::map<MigrationKey, hypervisor::MigrationOutcome> outcomes_;
  std::vector<hypervisor::MigrationRequest> requests_;
  std::vector<std::string> calls_;
  EventHandler handler_;
  int caller_ = 0;
  int lastJob_ = 0;
  std::uint64_t changes_ = 0;
};

}  // namespace vnic::test
