// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "deploy/tools.h"

namespace vnic::test {

// The path of the operator that is tested.
std::string operatorBinary();

// A running operator, with the rights of its service account on a control plane. It knows no
// host that answers. Killed with the object.
class OperatorProcess {
 public:
  // `settings` are more flags.
  explicit OperatorProcess(const ControlPlane& cluster,
                           const std::vector<std::string>& settings = {});
  ~OperatorProcess();
  OperatorProcess(const OperatorProcess&) = delete;
  OperatorProcess& operator=(const OperatorProcess&) = delete;

  std::string log() const;
  // Of /metrics on loopback, once it is served.
  std::uint16_t metricsPort() const;

 private:
  TemporaryFolder folder_;
  pid_t pid_ = 0;
};

}  // namespace vnic::test
