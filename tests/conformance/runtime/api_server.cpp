// SPDX-License-Identifier: Apache-2.0
#include "conformance/runtime/api_server.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <utility>

#include "kube/kubeconfig.h"
#include "support/eventually.h"

namespace vnic::test {
namespace {

std::unique_ptr<ApiServer>& instance() {
  static std::unique_ptr<ApiServer> server;
  return server;
}

// Takes the control plane down before main returns: the transport's threads must be idle by then.
class StopAtTheEnd final : public ::testing::Environment {
 public:
  void TearDown() override { instance().reset(); }
};
[[maybe_unused]] const auto* const kStopAtTheEnd =
    ::testing::AddGlobalTestEnvironment(new StopAtTheEnd);

}  // namespace

ApiServer::ApiServer() {
  const auto connect = [this](const std::string& file) {
    auto config = kube::readKubeconfig({file}, "");
    if (!config) throw std::runtime_error(config.error().message);
    auto connection = kube::Connection::open(*config, clock_, Logger());
    if (!connection) throw std::runtime_error(connection.error().message);
    return std::move(*connection);
  };
  connection_ = connect(kubeconfig());
  client_ = connection_->makeClient({});
  adminConnection_ = connect(controlPlane_.adminKubeconfig());
  admin_ = adminConnection_->makeClient({});
}

ApiServer& ApiServer::shared() {
  if (!instance()) instance().reset(new ApiServer);
  return *instance();
}

bool eventually(const std::function<bool()>& condition, Duration patience) {
  return eventually(patience, condition, std::chrono::milliseconds(50));
}

}  // namespace vnic::test
