// SPDX-License-Identifier: Apache-2.0
// What one pass over a VmMigration knows: made anew each time from caches and from the hosts
// themselves, never read back from our own status. Decisions (target, attempt, device plans) are
// the exception: they are stored in status and reservations so that they outlive the process.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/vf_reservation.h"
#include "api/vm_host.h"
#include "api/vm_migration.h"
#include "api/vnic.h"
#include "api/vnic_profile.h"
#include "domain/domain_xml.h"
#include "domain/guest_requirements.h"
#include "domain/vf_inventory.h"
#include "hypervisor/hypervisor.h"
#include "reconcile/vm_host/host_cache.h"

namespace vnic::reconcile::vm_migration {

// The VM as one host answers now.
struct Copy {
  enum class Answer { Present, Absent, Unknown };

  Answer answer = Answer::Unknown;
  std::string error;  // with Unknown: why
  hypervisor::Domain domain;
  std::optional<domain::DomainDescription> live;        // while active
  std::optional<domain::DomainDescription> persistent;  // where there is one that can be read

  bool present() const { return answer == Answer::Present; }
  bool absent() const { return answer == Answer::Absent; }
  bool unknown() const { return answer == Answer::Unknown; }
  bool running() const { return present() && domain.state == hypervisor::DomainState::Running; }
  bool paused() const { return present() && domain.state == hypervisor::DomainState::Paused; }
  // A definition without a process: shut off, crashed, or a leftover of an earlier move.
  bool inactive() const { return present() && !running() && !paused(); }
  bool withoutProcess() const { return absent() || inactive(); }
};

// What this process remembers of a NIC; lost with the process, which then tries again.
struct NicMemory {
  std::set<std::string> refusedVfs;       // by the names of reservations: could not be attached
  std::optional<WallTime> unplugAskedAt;  // last
};
using NicMemories = std::map<std::string, NicMemory>;  // by MAC

// One passthrough NIC that moves with the VM.
struct Nic {
  std::shared_ptr<const api::Vnic> vnic;             // null: no Vnic describes it
  std::shared_ptr<const api::VnicProfile> profile;   // null: missing
  std::shared_ptr<const api::VnicProfile> failover;  // null: none, or missing
  std::string suggestedProfile;  // without a Vnic: a profile that would fit, "" = none
  std::string mac;
  api::DevicePlan device;
  std::optional<PciAddress> onSource;  // VF in the source's live XML
  std::optional<PciAddress> onTarget;
  std::shared_ptr<const api::VfReservation> source;  // on the source host, for this Vnic
  std::shared_ptr<const api::VfReservation> target;  // on the target host, by this migration
  // Further ones by this migration, on either host: of VFs that turned out to be of no use.
  std::vector<std::shared_ptr<const api::VfReservation>> others;
  NicMemory memory;
};

// What the VM's host says when it is asked about the VM.
struct VmExamination {
  std::optional<domain::GuestRequirements> requirements;
  std::optional<hypervisor::MoveObstacles> obstacles;
  std::optional<std::set<std::string>> guestDevices;
  std::string unanswered;  // what could not be read, and why; "" = nothing
};

// What is said to this VM going to a candidate.
struct HostExamination {
  std::optional<hypervisor::Suitability> suitability;  // by the candidate
  std::optional<hypervisor::MoveProbe> probe;          // by the VM's host
  bool agentAlive = false;  // what its node agent told of the candidate is true now
  std::string unanswered;
};

// One host that the VM might move to, as last read.
struct Candidate {
  std::shared_ptr<const api::VmHost> host;
  bool reachable = false;
  std::string error;
  vm_host::HostFactsPtr facts;                           // when reachable
  std::shared_ptr<const domain::VfInventory> inventory;  // when reachable
  std::optional<HostExamination> examination;            // nullopt = not asked
  int inbound = 0;  // unfinished migrations to it, other than this one
  int outbound = 0;

  const std::string& name() const { return host->metadata.name; }
};

// Where a domain of the wanted name was seen.
struct Sighting {
  std::string host;
  hypervisor::Domain domain;
  domain::DomainDescription description;
  bool active = false;
};

struct Observation {
  std::shared_ptr<const api::VmMigration> migration;
  WallTime now;

  // For the search and the preflight; empty once the target is decided.
  std::vector<Candidate> candidates;
  std::vector<Sighting> sightings;           // in the migration's namespace
  std::vector<Sighting> foreign;             // same name, other namespace
  std::vector<std::string> unknownHosts;     // did not answer: the VM may be there
  std::optional<VmExamination> examination;  // nullopt = not asked
  std::string claimedBy;                     // who else holds the VM's Lease, "" = nobody
  int activeMigrations = 0;                  // other unfinished ones that have a target
  int maxParallelMigrations = 0;
  int queuedBefore = 0;  // waiting ones that go first
  // It waited for others to end when it was last looked at, and as many run now: nothing was
  // searched, because that would be done anew whenever one of many waiting migrations moves on.
  bool outOfTurn = false;

  // Once the target is decided. Read in the order outcome, target, source, job: a VM that runs on
  // the source after it ran on the target is a second copy, not an earlier moment of the same.
  Copy target;
  Copy source;
  std::optional<hypervisor::MigrationOutcome> outcome;  // of the call that this process made
  std::optional<hypervisor::JobProgress> job;           // on the source; nullopt = could not ask
  std::optional<std::int64_t> downtimeMilliseconds;     // of the finished copy
  Duration withoutProgress = Duration::zero();          // since data of the copy last moved
  std::shared_ptr<const domain::VfInventory> sourceInventory;  // nullptr: it does not answer
  std::shared_ptr<const domain::VfInventory> targetInventory;
  // Asked only while a VF is about to leave the guest and its standby is not known to be pinned.
  bool sourceAgentAlive = false;
  std::shared_ptr<const api::VmHost> sourceHost;
  std::shared_ptr<const api::VmHost> targetHost;

  // Before the decision: the NICs of the VM where it runs. Afterwards: those of status.nics.
  std::vector<Nic> nics;
};

}  // namespace vnic::reconcile::vm_migration
