// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "support/command.h"

namespace vnic::test {

// The operator's own program, against an API server, its webhook and its health on free ports of
// loopback. Gone with the object.
class OperatorProcess {
 public:
  // Returns when it serves both; throws std::runtime_error with its log when it does not.
  // `certificates` is its --webhook-cert-dir; `more` are further flags.
  OperatorProcess(const std::filesystem::path& kubeconfig,
                  const std::filesystem::path& certificates,
                  const std::vector<std::string>& more = {});

  std::uint16_t webhookPort() const { return webhookPort_; }
  // What a GET of /readyz?verbose says, "" when nobody answers.
  std::string readiness() const;
  bool alive();
  void signal(int number) { process_.signal(number); }  // SIGSTOP, SIGCONT
  void kill();                                          // as a crash
  std::string log() const { return process_.output(); }

 private:
  std::uint16_t portOf(const std::string& server) const;  // 0 = it does not serve yet

  ChildProcess process_;
  std::uint16_t webhookPort_ = 0;
  std::uint16_t healthPort_ = 0;
};

}  // namespace vnic::test
