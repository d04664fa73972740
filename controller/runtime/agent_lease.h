// SPDX-License-Identifier: Apache-2.0
// How a node agent says that it is alive: a Lease of its host in the operator's namespace, renewed
// every kAgentRenewal, valid for kAgentLeaseDuration (the figures of a kubelet).
#pragma once

#include <chrono>
#include <string>
#include <utility>

#include "kube/client.h"
#include "support/clock.h"
#include "support/error.h"

namespace vnic::runtime {

inline constexpr std::chrono::seconds kAgentLeaseDuration{40};
inline constexpr std::chrono::seconds kAgentRenewal{10};

std::string agentLeaseName(const std::string& host);

// For the agent: says it now. `holder` names the process.
Status renewAgentLease(kube::Client& client, const std::string& ns, const std::string& host,
                       const std::string& holder, WallTime now);
// For the agent that ends in order.
Status endAgentLease(kube::Client& client, const std::string& ns, const std::string& host);

// For the operator: whether it is worth waiting for an agent. Every question asks the API server.
class AgentLeases {
 public:
  AgentLeases(kube::Client& client, const Clock& clock, std::string ns)
      : client_(client), clock_(clock), ns_(std::move(ns)) {}

  // Judged by the time in the Lease, so a clock that is wrong by more than the Lease's duration
  // misleads; whoever waits, waits for a bounded time anyway. False when nobody can be asked.
  bool alive(const std::string& host) const;
  WallTime now() const { return clock_.wall(); }

 private:
  kube::Client& client_;
  const Clock& clock_;
  const std::string ns_;
};

}  // namespace vnic::runtime
