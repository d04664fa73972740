// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <thread>
#include <utility>

#include "kube/client.h"
#include "support/clock.h"
#include "support/log.h"

namespace vnic::agent {

// Says by a Lease that this host's agent is alive, on a thread of its own; see
// runtime/agent_lease.h.
class Heartbeat {
 public:
  Heartbeat(kube::Client& client, Clock& clock, std::string ns, std::string host, Logger log)
      : client_(client),
        clock_(clock),
        ns_(std::move(ns)),
        host_(std::move(host)),
        log_(std::move(log)) {}
  ~Heartbeat() { stop(); }

  void start();
  // Says that it ends.
  void stop();

 private:
  void run(const std::stop_token& stop);

  kube::Client& client_;
  Clock& clock_;
  const std::string ns_;
  const std::string host_;
  const Logger log_;
  std::jthread thread_;
};

}  // namespace vnic::agent
