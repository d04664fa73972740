// SPDX-License-Identifier: Apache-2.0
#include "deploy/operator_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <regex>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace vnic::test {

std::string operatorBinary() {
  const char* path = std::getenv("VNIC_OPERATOR_BINARY");
  if (path == nullptr) throw std::runtime_error("VNIC_OPERATOR_BINARY is not set");
  return path;
}

OperatorProcess::OperatorProcess(const ControlPlane& cluster,
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
  std::vector<char*> argv;
  for (std::string& argument : command) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const std::string logFile = folder_.path() / "log";
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, logFile.c_str(), O_CREAT | O_WRONLY,
                                   0600);
  const int error = posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::system_error(error, std::generic_category(), command[0]);
}

OperatorProcess::~OperatorProcess() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

std::string OperatorProcess::log() const {
  return readFile(folder_.path() / "log");
}

std::uint16_t OperatorProcess::metricsPort() const {
  // It is the only server unless `settings` ask for another one.
  const std::regex serving("Serving.* port=\"?([0-9]+)");
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (std::chrono::steady_clock::now() < deadline) {
    std::smatch found;
    const std::string text = log();
    if (std::regex_search(text, found, serving)) {
      return static_cast<std::uint16_t>(std::stoi(found[1]));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  throw std::runtime_error("The operator serves no metrics:\n" + log());
}

}  // namespace vnic::test
