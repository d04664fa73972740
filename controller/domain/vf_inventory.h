// SPDX-License-Identifier: Apache-2.0
// Which VFs a host has and what each of them is doing. Pure: facts in, verdicts out.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/vf_reservation.h"
#include "api/vm_host.h"
#include "domain/domain_xml.h"
#include "hypervisor/hypervisor.h"
#include "support/pci_address.h"

namespace vnic::domain {

// As the caches hand them out.
using ReservationPtr = std::shared_ptr<const api::VfReservation>;

using ReservationsByHost = std::unordered_map<std::string, std::vector<ReservationPtr>>;
ReservationsByHost groupByHost(const std::vector<ReservationPtr>& reservations);

// A domain of a host with its definitions read.
struct ParsedDomain {
  hypervisor::DomainSummary summary;
  std::optional<DomainDescription> live;        // nullopt: not active, or not readable
  std::optional<DomainDescription> persistent;  // nullopt: transient, or not readable
  std::string unreadable;                       // why a definition could not be read, "" = all read

  // What the VM is now: the live definition, else the persistent one; nullptr = not readable.
  const DomainDescription* current() const;
};

std::vector<ParsedDomain> parseDomains(const std::vector<hypervisor::Domain>& domains);

enum class VfState {
  Free,         // nobody has it and nothing speaks against giving it to a VM
  Reserved,     // a VfReservation names it, no running VM has it
  InUse,        // a VM has it, running or by its definition
  Unavailable,  // nobody has it, but it must not be given away; the reason says why
};
const char* toString(VfState state);

struct VfEntry {
  PciAddress address;
  VfState state = VfState::Unavailable;
  std::string holder;                        // who has it, or why it is unavailable; for people
  std::string obstacle;                      // why nobody may get it now, "" = nothing
  std::string liveUser;                      // uuid of the running VM that has it, "" = none
  std::vector<std::string> persistentUsers;  // uuids of the VMs whose definition names it
  ReservationPtr reservation;                // nullptr = none

  // May this Vnic of this VM have it now? It may have what is free, and what nobody but itself
  // holds.
  bool availableTo(const std::string& vnicUid, const std::string& vmUuid) const;
};

struct PfEntry {
  std::string device;  // netdev, else the address
  PciAddress address;
  bool linkUp = false;
  std::vector<std::string>
      networks;  // from the VmHost's spec, {"*"} = any; empty = may not be used
  std::vector<VfEntry> virtualFunctions;

  bool carries(std::string_view network) const;
};

struct VfInventory {
  std::vector<PfEntry> physicalFunctions;     // in the order of their addresses
  std::vector<std::string> missingDevices;    // in the spec, but not on the host
  std::vector<std::string> lostReservations;  // names of reservations whose VF the host has not
  api::VirtualFunctionTotals totals;          // of the PFs in the spec; others are left alone

  const VfEntry* find(const PciAddress& address) const;
  const PfEntry* physicalFunctionOf(const PciAddress& vf) const;
  int freeFor(std::string_view network) const;
};

// The networks that the spec lets this PF carry; empty = it may not be used.
std::vector<std::string> networksOf(const api::VmHostSpec& spec,
                                    const hypervisor::PhysicalFunction& pf);

// `reservations` may hold those of other hosts as well; they are ignored. When the definition of
// any domain cannot be read, no VF that it could name is called free; nor is one that the node
// agent last saw the host use, whether or not it still runs.
VfInventory buildInventory(const api::VmHost& host, const hypervisor::HostSnapshot& snapshot,
                           const std::vector<ParsedDomain>& domains,
                           const std::vector<ReservationPtr>& reservations);

// The PFs of the spec.
std::vector<api::PhysicalFunctionStatus> toStatus(const VfInventory& inventory);

}  // namespace vnic::domain
