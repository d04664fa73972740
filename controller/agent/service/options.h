// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "support/log.h"

namespace vnic::agent {

// Precedence: flag, environment (VNIC_AGENT_...), default.
struct Options {
  std::string host;  // name of the VmHost that this host is
  std::string kubeconfig;
  std::string context;
  std::string ns = "vnic-operator-system";  // the operator's namespace: the agent's Lease
  std::string stateDirectory = "/run/vnic-agent";
  LogFormat logFormat = LogFormat::Json;
  LogLevel logLevel = LogLevel::Info;
};

struct Exit {
  int code = 0;
  std::string text;  // for stdout when code is 0, else stderr
};

std::variant<Options, Exit> parseCommandLine(const std::vector<std::string>& arguments);

}  // namespace vnic::agent
