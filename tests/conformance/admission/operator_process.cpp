// SPDX-License-Identifier: Apache-2.0
#include "conformance/admission/operator_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "unit/serving/raw_client.h"

namespace vnic::test {
namespace {

constexpr char kWebhook[] = "--webhook-bind-address";
constexpr char kHealth[] = "--health-bind-address";

}  // namespace

OperatorProcess::OperatorProcess(const std::filesystem::path& kubeconfig,
                                 const std::filesystem::path& certificates,
                                 const std::filesystem::path& folder,
                                 const std::vector<std::string>& more)
    : log_(folder / "operator.log") {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log_.c_str(),
                                   O_WRONLY | O_CREAT | O_TRUNC, 0600);
  const std::string config = kubeconfig, certs = certificates;
  std::vector<const char*> argv{VNIC_OPERATOR,
                                "--kubeconfig",
                                config.c_str(),
                                kWebhook,
                                "127.0.0.1:0",
                                "--webhook-cert-dir",
                                certs.c_str(),
                                kHealth,
                                "127.0.0.1:0",
                                "--metrics-bind-address",
                                "0",
                                "--no-leader-elect"};
  for (const std::string& flag : more) argv.push_back(flag.c_str());
  argv.push_back(nullptr);
  const int error = posix_spawn(&pid_, VNIC_OPERATOR, &actions, nullptr,
                                const_cast<char* const*>(argv.data()), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error("cannot start " VNIC_OPERATOR);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (webhookPort_ == 0 || healthPort_ == 0) {
    if (!alive() || std::chrono::steady_clock::now() > deadline) {
      const std::string said = log();
      kill();
      throw std::runtime_error("the operator does not serve:\n" + said);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    webhookPort_ = portOf(kWebhook);
    healthPort_ = portOf(kHealth);
  }
}

OperatorProcess::~OperatorProcess() {
  kill();
}

std::uint16_t OperatorProcess::portOf(const std::string& server) const {
  std::ifstream lines(log_);
  for (std::string line; std::getline(lines, line);) {
    const auto record = nlohmann::json::parse(line, nullptr, false);
    if (record.is_object() && record.value("server", "") == server && record.contains("port")) {
      return static_cast<std::uint16_t>(std::stoi(record["port"].get<std::string>()));
    }
  }
  return 0;
}

std::string OperatorProcess::readiness() const {
  try {
    serving::RawClient client(healthPort_);
    client.send("GET /readyz?verbose HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    std::string answer;
    client.closedByServer(&answer);
    return answer;
  } catch (const std::runtime_error&) {
    return {};
  }
}

bool OperatorProcess::alive() const {
  return pid_ > 0 && waitpid(pid_, nullptr, WNOHANG) == 0;
}

void OperatorProcess::signal(int number) const {
  if (pid_ > 0) ::kill(pid_, number);
}

void OperatorProcess::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

std::string OperatorProcess::log() const {
  std::ifstream file(log_);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace vnic::test
