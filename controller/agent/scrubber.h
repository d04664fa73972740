// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "agent/board.h"
#include "agent/claim.h"
#include "agent/host_state.h"
#include "agent/network.h"
#include "support/log.h"

namespace vnic::agent {

// Cleans VFs that are being released, and reads back whether they are clean. Cleaning again is no
// harm; a VF that a guest still has is not touched.
class Scrubber {
 public:
  struct Outcome {
    bool clean = false;
    std::vector<Verdict> verdicts;  // Scrubbed, and Quarantined once it has failed too often
  };

  Scrubber(Network& network, const PciBus& pci, Logger log)
      : network_(network), pci_(pci), log_(std::move(log)) {}

  Outcome scrub(const Claim& claim, const HostState& state);

 private:
  Status clean(const Claim& claim, const HostState& state, const PciBus::Place& place);
  Status apply(const Link& pf, const VfChange& change);

  Network& network_;
  const PciBus& pci_;
  const Logger log_;
  std::map<std::string, int> failures_;  // in a row, by reservation
};

}  // namespace vnic::agent
