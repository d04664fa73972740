// SPDX-License-Identifier: Apache-2.0
#include "conformance/admission/operator_process.h"

#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

#include "support/eventually.h"
#include "unit/serving/raw_client.h"

namespace vnic::test {
namespace {

using namespace std::chrono_literals;

constexpr char kWebhook[] = "--webhook-bind-address";
constexpr char kHealth[] = "--health-bind-address";

std::vector<std::string> commandFor(const std::filesystem::path& kubeconfig,
                                    const std::filesystem::path& certificates,
                                    const std::vector<std::string>& more) {
  std::vector<std::string> command{
      VNIC_OPERATOR, "--kubeconfig",           kubeconfig,   kWebhook,
      "127.0.0.1:0", "--webhook-cert-dir",     certificates, kHealth,
      "127.0.0.1:0", "--metrics-bind-address", "0",          "--no-leader-elect"};
  command.insert(command.end(), more.begin(), more.end());
  return command;
}

}  // namespace

OperatorProcess::OperatorProcess(const std::filesystem::path& kubeconfig,
                                 const std::filesystem::path& certificates,
                                 const std::vector<std::string>& more)
    : process_(commandFor(kubeconfig, certificates, more)) {
  const auto servesOrEnded = [this] {
    webhookPort_ = portOf(kWebhook);
    healthPort_ = portOf(kHealth);
    return (webhookPort_ != 0 && healthPort_ != 0) || !alive();
  };
  if (!eventually(60s, servesOrEnded, 50ms) || !alive()) {
    throw std::runtime_error("the operator does not serve:\n" + log());
  }
}

std::uint16_t OperatorProcess::portOf(const std::string& server) const {
  std::istringstream lines(log());
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

bool OperatorProcess::alive() {
  return !process_.end(0ms);
}

void OperatorProcess::kill() {
  process_.signal(SIGKILL);
  process_.end(10s);
}

}  // namespace vnic::test
