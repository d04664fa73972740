// SPDX-License-Identifier: Apache-2.0
#include "agent/heartbeat.h"

#include "runtime/agent_lease.h"
#include "runtime/uuid.h"

namespace vnic::agent {

void Heartbeat::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Heartbeat::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void Heartbeat::run(const std::stop_token& stop) {
  const std::string identity = host_ + "_" + runtime::randomUuid();
  do {
    const Status done = runtime::renewAgentLease(client_, ns_, host_, identity, clock_.wall());
    if (!done) log_.warn("Cannot renew the Lease", {{"error", done.error().message}});
  } while (clock_.sleepFor(runtime::kAgentRenewal, stop));
  if (auto done = runtime::endAgentLease(client_, ns_, host_); !done) {
    log_.warn("Cannot end the Lease", {{"error", done.error().message}});
  }
}

}  // namespace vnic::agent
