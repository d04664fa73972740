// SPDX-License-Identifier: Apache-2.0
// Hundreds of generated objects, valid, wrong and hostile, against the real API server, webhook and
// reconcilers: each is refused with an error that names the field, or handled; nothing crashes, and
// what was accepted makes XML that libvirt takes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <set>

#include "api/vnic.h"
#include "api/vnic_profile.h"
#include "conformance/admission/hostile_objects.h"
#include "conformance/admission/reviewed_control_plane.h"
#include "kube/connection.h"
#include "kube/kubeconfig.h"
#include "kube/typed.h"
#include "reconcile/vnic/virtio_xml.h"
#include "support/clock.h"
#include "support/libvirt_schema.h"

namespace vnic::test {
namespace {

using ::testing::HasSubstr;

constexpr int kPerKind = 150;

const api::ResourceType& resourceOf(const std::string& kind) {
  static constexpr api::ResourceType kHosts{"vnic.dev", "v1alpha1", "vmhosts", "VmHost", false};
  static constexpr api::ResourceType kMigrations{"vnic.dev", "v1alpha1", "vmmigrations",
                                                 "VmMigration", true};
  if (kind == "VnicProfile") return api::VnicProfile::resource;
  if (kind == "Vnic") return api::Vnic::resource;
  return kind == "VmHost" ? kHosts : kMigrations;
}

// The refusal names a field of the object, or says that the whole cannot be read.
bool saysWhere(const std::string& message) {
  for (const char* part : {"spec", "metadata", "status", "apiVersion", "kind", "name",
                           "cannot unmarshal", "unable to", "json", "too large"}) {
    if (message.find(part) != std::string::npos) return true;
  }
  return false;
}

class BadInput : public ::testing::Test {
 protected:
  void SetUp() override {
    controlPlane = std::make_unique<ReviewedControlPlane>();
    controlPlane->startOperator();
    controlPlane->askOperator();
    auto config =
        kube::readKubeconfig({controlPlane->controlPlane().adminKubeconfig().string()}, "");
    ASSERT_TRUE(config) << config.error().message;
    auto opened = kube::Connection::open(*config, clock, Logger());
    ASSERT_TRUE(opened) << opened.error().message;
    connection = std::move(*opened);
    kube::RestOptions options;
    options.requestsPerSecond = 0;  // no limit of our own
    client = connection->makeClient(options);
    // A failure names the seed; VNIC_SEED repeats it.
    const char* given = std::getenv("VNIC_SEED");
    seed = given != nullptr ? std::stoull(given) : std::random_device{}();
  }
  void TearDown() override {
    if (HasFailure()) std::cerr << "VNIC_SEED=" << seed << '\n';
    client.reset();
    connection.reset();
    controlPlane.reset();
  }

  template <class T>
  std::vector<T> all() {
    const auto page = kube::listPage<T>(*client, {});
    EXPECT_TRUE(page) << page.error().message;
    if (!page) return {};
    EXPECT_TRUE(page->undecodable.empty())
        << "the operator cannot read what the API server accepted: "
        << page->undecodable.front().error.message;
    return page->items;
  }
  // Every object has been looked at: its status is about its spec.
  template <class T>
  bool allReconciled(std::string& waitingFor) {
    for (const T& object : all<T>()) {
      if (object.status.observedGeneration != object.metadata.generation) {
        waitingFor = std::string(T::resource.kind) + " " + object.metadata.key().str();
        return false;
      }
    }
    return true;
  }

  SystemClock clock;
  std::unique_ptr<ReviewedControlPlane> controlPlane;
  std::unique_ptr<kube::Connection> connection;
  std::unique_ptr<kube::Client> client;
  std::uint64_t seed = 0;
};

TEST_F(BadInput, IsRefusedWithItsFieldOrHandled) {
  HostileObjects objects(seed);
  std::map<std::string, int> accepted, refused;
  for (const std::string& kind : HostileObjects::kinds()) {
    for (int i = 0; i < kPerKind; ++i) {
      nlohmann::json object = objects.make(kind, "hostile-" + std::to_string(i));
      if (resourceOf(kind).namespaced) object["metadata"]["namespace"] = "default";
      const auto result = client->create(resourceOf(kind), object);
      if (result) {
        ++accepted[kind];
        continue;
      }
      ++refused[kind];
      const Error& error = result.error();
      EXPECT_TRUE(error.code >= 400 && error.code < 500) << error.code << " " << error.message;
      EXPECT_TRUE(saysWhere(error.message)) << error.message.substr(0, 500) << "\n"
                                            << object.dump(-1, ' ', true).substr(0, 500);
    }
  }
  for (const std::string& kind : HostileObjects::kinds()) {
    std::cerr << kind << ": " << accepted[kind] << " accepted, " << refused[kind] << " refused\n";
    EXPECT_GT(accepted[kind], 5) << kind << ": valid ones are among them";
    EXPECT_GT(refused[kind], 30) << kind << ": and wrong ones";
  }

  std::string waitingFor;
  EXPECT_TRUE(eventually([&] {
    return allReconciled<api::VnicProfile>(waitingFor) && allReconciled<api::Vnic>(waitingFor);
  })) << waitingFor
      << "\n"
      << controlPlane->process().log().substr(0, 20'000);
  EXPECT_TRUE(controlPlane->process().alive());
  EXPECT_THAT(controlPlane->process().readiness(), HasSubstr("[+]webhook ok"));
  EXPECT_TRUE(controlPlane->isAsked()) << "the webhook still answers";

  std::vector<std::string> devices;
  for (const auto& profile : all<api::VnicProfile>()) {
    devices.push_back(
        reconcile::vnic::virtioDeviceXml(profile.spec, "52:54:00:00:00:01", "ua-1", true));
  }
  EXPECT_GT(devices.size(), 5u);
  EXPECT_EQ(deviceSchemaError(devices), std::nullopt);
}

}  // namespace
}  // namespace vnic::test
