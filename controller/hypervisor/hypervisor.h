// SPDX-License-Identifier: Apache-2.0
// The port to the hosts. Hosts are named as their VmHost. Every call is bounded in time: a host
// that does not answer gives ErrorKind::Transient ("unknown"), never NotFound. Calls may come from
// any thread.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "support/clock.h"
#include "support/error.h"
#include "support/pci_address.h"

namespace vnic::hypervisor {

struct Version {
  int major = 0, minor = 0, micro = 0;
  auto operator<=>(const Version&) const = default;
  std::string str() const;
};

struct VirtualFunction {
  PciAddress address;
  int iommuGroup = -1;     // -1 = none
  int iommuGroupSize = 0;  // devices in that group; 1 = alone
  std::string driver;      // "vfio-pci", "igbvf", ""
  std::string netdev;      // the host's netdev on it, "" = none
  bool netdevUp = false;   // link state of that netdev as libvirt shows it
};

struct PhysicalFunction {
  PciAddress address;
  std::string netdev;
  bool linkUp = false;
  int maxVirtualFunctions = 0;  // what the card can have
  std::vector<VirtualFunction> virtualFunctions;
};

struct Network {
  std::string name;
  bool active = false;
  std::string bridge;  // "" = none
};

// ShutOff and Crashed have no process any more; Other has one (shutting down, suspended, crashed
// and kept for a look).
enum class DomainState { Running, Paused, ShutOff, Crashed, Other };
// Why a domain is paused, as far as migration cares (virDomainPausedReason).
enum class PausedReason { None, Migration, StartingUp, Other };

struct DomainSummary {
  std::string uuid;
  std::string name;
  DomainState state = DomainState::Other;
  PausedReason pausedReason = PausedReason::None;
  bool persistent = false;
  bool autostart = false;
};

// A domain with its definitions. XML texts are data from the host, never trusted.
struct Domain : DomainSummary {
  std::string liveXml;        // "" when not active
  std::string persistentXml;  // "" when transient
  // The live definition as libvirt wants it for a migration; what DEST_XML must be made from. Only
  // domain() reads it, and reads the other two with their secrets: never log any of them.
  std::string migratableXml;
};

// Everything libvirt says about one host at one moment; one bulk read.
struct HostSnapshot {
  Version libvirt;
  Version qemu;
  std::vector<PhysicalFunction> physicalFunctions;
  std::vector<Network> networks;
  std::vector<Domain> domains;
  bool iommu = true;  // some PCI device is in an IOMMU group
  bool vfio = true;   // libvirt can pass PCI devices through with VFIO here
};

struct JobProgress {
  bool active = false;  // a migration job runs on the domain
  std::int64_t dataTotalBytes = 0;
  std::int64_t dataProcessedBytes = 0;
  std::int64_t dataRemainingBytes = 0;
  int iteration = 0;
  std::optional<std::int64_t> downtimeMilliseconds;  // of a completed job
};

struct MigrationRequest {
  std::string uuid;
  std::string peerURI;           // the target as the source's libvirt reaches it
  std::string migrationAddress;  // "" = libvirt decides
  std::string destinationXml;    // live definition for the target, "" = as it is
  std::string persistentXml;     // definition that the target keeps
  std::optional<int> bandwidthMiBPerSecond;
  int maxDowntimeMilliseconds = 300;
  bool autoConverge = false;
  bool tls = false;  // the memory stream over TLS; needs QEMU's certificates on both hosts
};

// How a migration that this process started came out. Gone after a restart of the operator: then
// the hosts themselves are the truth.
struct MigrationOutcome {
  bool running = false;
  std::optional<Error> error;  // none and not running = libvirt reported success
};

enum class DeviceScope { Live, Persistent, LiveAndPersistent };

// Whether one host's libvirt reaches another's; only that libvirt itself can tell.
enum class PeerAccess {
  Reached,
  Refused,    // no route, wrong certificate, not authorized; the message says which
  Unchecked,  // libvirt can be asked only with a running VM, and the host has none
};

struct PeerProbe {
  PeerAccess access = PeerAccess::Unchecked;
  std::string message;
};

// What speaks against moving a running VM that its definition does not tell.
struct MoveObstacles {
  int snapshots = 0;
  int checkpoints = 0;
  std::vector<std::string> blockJobs;     // target names of the disks, "vda"
  bool otherJob = false;                  // a dump, save, backup or another migration is under way
  std::vector<std::string> qemuBlockers;  // QEMU's own words
  std::string unasked;                    // why QEMU could not be asked, "" = it was
};

// What libvirt says when it is asked to move a VM to a peer and stopped at the last check, before
// anything happens.
enum class MoveAnswer {
  Willing,
  Blocked,        // the VM has something that cannot move
  UnsafeStorage,  // a disk is neither shared nor on the network: it would have to be copied
  PeerRefused,    // no route, wrong certificate, not authorized
  Unchecked,      // it is busy with something else
};

struct MoveProbe {
  MoveAnswer answer = MoveAnswer::Unchecked;
  std::string message;  // libvirt's words
};

// What a VM needs of a host that it comes to, as its live definition says.
struct GuestNeeds {
  std::string domainType;  // "kvm"
  std::string architecture;
  std::string machine;
  std::string cpuXml;  // <cpu>, "" = libvirt cannot compare it
};

// What a host says to the needs of a VM. Messages are "" where nothing speaks against it.
struct Suitability {
  std::string machineProblem;
  std::string cpuProblem;
  std::optional<std::int64_t> availableMemoryKiB;  // free or cached; nullopt = unknown
};

// Something happened to a domain (or to the connection: uuid empty). Only a hint to look again.
struct HypervisorEvent {
  std::string host;
  std::string uuid;
  std::string what;
};

class Hypervisor {
 public:
  using EventHandler = std::function<void(const HypervisorEvent&)>;

  virtual ~Hypervisor() = default;

  // Which hosts there are and where; connects, reconnects with back-off, and drops in the
  // background.
  virtual void setHost(const std::string& host, const std::string& uri) = 0;
  virtual void removeHost(const std::string& host) = 0;
  // The handler is called on an internal thread and must only note what to look at.
  virtual void setEventHandler(EventHandler handler) = 0;

  virtual Result<HostSnapshot> snapshot(const std::string& host) = 0;
  virtual Result<std::vector<DomainSummary>> domains(const std::string& host) = 0;
  // NotFound = the host answered that it has no such domain.
  virtual Result<Domain> domain(const std::string& host, const std::string& uuid) = 0;

  // libvirt's success of a detach proves nothing: read domain() to know (it returns after 5 s at
  // most when the guest does not answer). NotFound with kDeviceMissing (error_code.h) = no such
  // device. Where these give Transient because time was up, libvirt may still do it later: look
  // again.
  virtual Status detachDevice(const std::string& host, const std::string& uuid,
                              const std::string& deviceXml, DeviceScope scope) = 0;
  virtual Status attachDevice(const std::string& host, const std::string& uuid,
                              const std::string& deviceXml, DeviceScope scope) = 0;
  virtual Status setAutostart(const std::string& host, const std::string& uuid, bool on) = 0;
  // Defines (replaces) the persistent definition.
  virtual Status define(const std::string& host, const std::string& xml) = 0;
  virtual Status resume(const std::string& host, const std::string& uuid) = 0;
  // Removes its definition and ends it, so that nothing of it is left; NVRAM files stay.
  virtual Status destroy(const std::string& host, const std::string& uuid) = 0;

  // Starts a peer-to-peer live migration in the background; it goes on when this process dies. Only
  // one per domain at a time. Whatever goes wrong after the start is in the outcome.
  virtual Status startMigration(const std::string& host, const MigrationRequest& request) = 0;
  virtual std::optional<MigrationOutcome> migrationOutcome(const std::string& host,
                                                           const std::string& uuid) = 0;
  virtual void forgetMigration(const std::string& host, const std::string& uuid) = 0;
  virtual Result<JobProgress> jobProgress(const std::string& host, const std::string& uuid) = 0;
  // Success when there is no job any more, too.
  virtual Status abortJob(const std::string& host, const std::string& uuid) = 0;
  virtual Status setMaxDowntime(const std::string& host, const std::string& uuid,
                                std::int64_t milliseconds) = 0;

  // Asks the host's libvirt to connect to `peerURI`; nothing is moved or changed.
  virtual Result<PeerProbe> probePeer(const std::string& host, const std::string& peerURI) = 0;

  // For the preflight of a move; nothing is moved or changed.
  virtual Result<MoveObstacles> moveObstacles(const std::string& host, const std::string& uuid) = 0;
  virtual Result<MoveProbe> probeMove(const std::string& host, const std::string& uuid,
                                      const std::string& peerURI) = 0;
  virtual Result<Suitability> suitability(const std::string& host, const GuestNeeds& needs) = 0;
  // The aliases of the PCI devices that the running guest can see. QEMU shows the VF of a failover
  // pair only once the guest's driver has taken the standby as one; libvirt's definition does not
  // tell.
  virtual Result<std::set<std::string>> guestDevices(const std::string& host,
                                                     const std::string& uuid) = 0;
};

}  // namespace vnic::hypervisor
