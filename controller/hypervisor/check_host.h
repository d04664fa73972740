// SPDX-License-Identifier: Apache-2.0
// Tells a person what a host lacks before VMs with VFs can move to and from it, and how to fix it.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "hypervisor/hypervisor.h"

namespace vnic::hypervisor {

enum class CheckLevel { Ok, Warning, Failure };

struct CheckLine {
  CheckLevel level = CheckLevel::Ok;
  std::string subject;  // "IOMMU"
  std::string finding;  // what was found
  std::string fix;      // what to do about it, "" with Ok
};

// Pure: what the facts say.
CheckLine checkConnection(const Status& connected);
std::vector<CheckLine> checkSnapshot(const HostSnapshot& host);
CheckLine checkPeer(const std::string& peerURI, const Result<PeerProbe>& probe);

// One line per check and one more for the fix, aligned; the verdict at the end.
std::string formatChecks(const std::vector<CheckLine>& lines);
bool anyFailure(const std::vector<CheckLine>& lines);

// The first reading of a host that was just set; waits for the connection unless the host has
// already said no, and gives up after `patience`.
Result<HostSnapshot> readWhenConnected(Hypervisor& hypervisor, Clock& clock,
                                       const std::string& host, Duration patience);

// Reads the host at `uri` (and, with a peer, whether that host reaches it) and writes the table to
// `out`. Gives the process's exit code: 0 = fit (warnings allowed), 1 = something is missing. A
// host that says nothing is given up after `patience`.
int checkHost(Hypervisor& hypervisor, Clock& clock, const std::string& uri,
              const std::optional<std::string>& peerURI, Duration patience, std::ostream& out);

}  // namespace vnic::hypervisor
