// SPDX-License-Identifier: Apache-2.0
// Where a VM is, from what is known of all hosts. Pure.
#pragma once

#include <string>
#include <vector>

#include "reconcile/vm_host/host_cache.h"

namespace vnic::reconcile::vnic {

struct VmSearch {
  enum class Verdict {
    Found,      // `facts` and `domain` are set
    NotFound,   // every host has answered, none has it
    Ambiguous,  // several hosts have it and none can be preferred
    Unknown,    // not on the hosts that answer, and some do not
  };

  Verdict verdict = Verdict::Unknown;
  std::string message;
  vm_host::HostFactsPtr facts;  // of the host that it is on; keeps `domain` alive
  const domain::ParsedDomain* domain = nullptr;
  std::vector<std::string> unknownHosts;  // that did not answer: of a VM that does not run where it
                                          // was found, it may run there

  bool found() const { return verdict == Verdict::Found; }
  const std::string& host() const { return facts->host; }
  const std::string& uuid() const { return domain->summary.uuid; }
  bool running() const { return domain->summary.state == hypervisor::DomainState::Running; }
  // Only defined: no process, here.
  bool shutOff() const {
    const auto state = domain->summary.state;
    return domain->persistent &&
           (state == hypervisor::DomainState::ShutOff || state == hypervisor::DomainState::Crashed);
  }
};

// The namespace that a VM belongs to: what its metadata says, else the operator's own.
const std::string& namespaceOf(const domain::DomainDescription& description,
                               const std::string& operatorNamespace);

// The VM `name` of namespace `ns`. Where it is active comes before where it is only defined: that
// may be a leftover of an earlier move. Of a VM on its way (running here, paused there, one uuid)
// the running side is the place.
VmSearch findVm(const std::string& ns, const std::string& name,
                const std::vector<vm_host::HostFactsPtr>& hosts,
                const std::string& operatorNamespace);

}  // namespace vnic::reconcile::vnic
