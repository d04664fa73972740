// SPDX-License-Identifier: Apache-2.0
#include "deploy/operator_process.h"

#include <cstdlib>
#include <regex>
#include <stdexcept>

#include "support/eventually.h"

namespace vnic::test {
namespace {

std::vector<std::string> commandFor(const ControlPlane& cluster,
                                    const std::vector<std::string>& settings) {
  std::vector<std::string> command{operatorBinary(),
                                   "--kubeconfig",
                                   cluster.operatorKubeconfig(),
                                   "--health-bind-address",
                                   "0",
                                   "--metrics-bind-address",
                                   "127.0.0.1:0",
                                   "--log-format",
                                   "text",
                                   "--log-level",
                                   "debug"};
  command.insert(command.end(), settings.begin(), settings.end());
  return command;
}

}  // namespace

std::string operatorBinary() {
  const char* path = std::getenv("VNIC_OPERATOR_BINARY");
  if (path == nullptr) throw std::runtime_error("VNIC_OPERATOR_BINARY is not set");
  return path;
}

OperatorProcess::OperatorProcess(const ControlPlane& cluster,
                                 const std::vector<std::string>& settings)
    : process_(commandFor(cluster, settings)) {}

std::uint16_t OperatorProcess::metricsPort() const {
  // It is the only server unless `settings` ask for another one.
  const std::regex serving("Serving.* port=\"?([0-9]+)");
  std::smatch found;
  std::string text;
  const auto served = [&] {
    text = log();
    return std::regex_search(text, found, serving);
  };
  if (!eventually(std::chrono::seconds(60), served)) {
    throw std::runtime_error("The operator serves no metrics:\n" + text);
  }
  return static_cast<std::uint16_t>(std::stoi(found[1]));
}

}  // namespace vnic::test
