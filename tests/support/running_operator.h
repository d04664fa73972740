// SPDX-License-Identifier: Apache-2.0
// The operator itself in this process: its whole object graph, with a real client to a real API
// server, over whatever hosts a test has.
#pragma once

#include <stop_token>
#include <string>
#include <thread>

#include "app/operator.h"

namespace vnic::test {

class RunningOperator {
 public:
  // The process's HTTP as the operator has it; before whatever else makes requests.
  static void initializeTransport();

  // Begins at once; errors are told on stderr. Servers for metrics and health are off unless
  // `options` says where. `hosts` outlives it.
  RunningOperator(app::Options options, hypervisor::Hypervisor& hosts);
  ~RunningOperator() { stop(); }
  RunningOperator(const RunningOperator&) = delete;
  RunningOperator& operator=(const RunningOperator&) = delete;

  // An orderly end, as by SIGTERM; waits for it. Returns the process's exit code.
  int stop();

  // Options for a kubeconfig, without servers.
  static app::Options optionsFor(const std::string& kubeconfig);

 private:
  const app::Options options_;
  std::stop_source stop_;
  app::Operator operator_;
  int exitCode_ = -1;
  std::thread thread_;
};

}  // namespace vnic::test
