// SPDX-License-Identifier: Apache-2.0
#include "deploy/operator_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <system_error>

namespace vnic::test {

std::string operatorBinary() {
  const char* path = std::getenv("VNIC_OPERATOR_BINARY");
  if (path == nullptr) throw std::runtime_error("VNIC_OPERATOR_BINARY is not set");
  return path;
}

OperatorProcess::OperatorProcess(const ControlPlane& cluster) {
  const std::string binary = operatorBinary();
  const std::string kubeconfig = cluster.operatorKubeconfig();
  const std::string logFile = folder_.path() / "log";
  const char* argv[] = {binary.c_str(),
                        "--kubeconfig",
                        kubeconfig.c_str(),
                        "--health-bind-address",
                        "0",
                        "--metrics-bind-address",
                        "0",
                        "--log-format",
                        "text",
                        "--log-level",
                        "debug",
                        nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, logFile.c_str(), O_CREAT | O_WRONLY,
                                   0600);
  const int error = posix_spawn(&pid_, binary.c_str(), &actions, nullptr,
                                const_cast<char* const*>(argv), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::system_error(error, std::generic_category(), binary);
}

OperatorProcess::~OperatorProcess() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

std::string OperatorProcess::log() const {
  return readFile(folder_.path() / "log");
}

}  // namespace vnic::test
