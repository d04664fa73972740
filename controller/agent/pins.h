// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/ledger.h"
#include "agent/network.h"
#include "support/log.h"

namespace vnic::agent {

// Brings the kernel's pins to what is wanted, touching only those that are ours.
class Pins {
 public:
  Pins(Network& network, Ledger& ledger, Logger log)
      : network_(network), ledger_(ledger), log_(std::move(log)) {}

  const std::set<Pin>& ours() const { return ledger_.pins(); }

  // Makes what is missing of `wanted`, in its order, also where somebody else removed it; removes
  // what is ours and not wanted. What others made serves as well, and stays. Returns why a MAC is
  // not pinned as wanted.
  std::map<std::string, Error> settle(const std::vector<Pin>& wanted, const HostState& state);

 private:
  Status make(const Pin& pin, const HostState& state);
  void removeUnwanted(const std::vector<Pin>& wanted, const HostState& state);

  Network& network_;
  Ledger& ledger_;
  const Logger log_;
};

}  // namespace vnic::agent
