// SPDX-License-Identifier: Apache-2.0
#include "component/kube/transport_environment.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <utility>

namespace vnic::kube {
namespace {

// Two threads carry the traffic of all tests here: were one of them ever to wait for anything,
// tests with several requests at once would not get through.
class TwoThreads : public testing::Environment {
 public:
  void SetUp() override { ASSERT_TRUE(initializeTransportThreads(2)); }
};

const auto* const environment = testing::AddGlobalTestEnvironment(new TwoThreads);

}  // namespace

std::unique_ptr<CpprestTransport> makeTransport(const std::string& url, TlsMaterial tls,
                                                TransportOptions options) {
  auto material = std::make_shared<const TlsMaterial>(std::move(tls));
  auto transport = CpprestTransport::create(
      url, [material] { return material; }, options);
  if (!transport) throw std::runtime_error(transport.error().message);
  return std::move(*transport);
}

HttpRequest getRequest(const std::string& path) {
  return {"GET", path, {}, {}};
}

}  // namespace vnic::kube
