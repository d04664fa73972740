// SPDX-License-Identifier: Apache-2.0
#pragma once

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

  std::string log() const { return process_.output(); }
  // Of /metrics on loopback, once it is served.
  std::uint16_t metricsPort() const;

 private:
  ChildProcess process_;
};

}  // namespace vnic::test
