// SPDX-License-Identifier: Apache-2.0
#include "runtime/tracking_client.h"

#include <gtest/gtest.h>

#include <thread>

#include "kube/typed.h"
#include "runtime/controller.h"
#include "runtime/lease.h"
#include "support/fake_kube_client.h"
#include "support/manual_clock.h"

namespace vnic::runtime {
namespace {

using namespace std::chrono_literals;

const api::ObjectKey kA{"ns", "a"};
const api::ObjectKey kB{"ns", "b"};

class TrackingClientTest : public ::testing::Test {
 protected:
  // Writes a Lease and returns its resourceVersion.
  std::string write(kube::Client& through, const std::string& name) {
    api::ObjectMeta meta;
    meta.ns = "ns";
    meta.name = name;
    const auto lease = kube::createObject<Lease>(through, meta, toJson(LeaseRecord{}));
    if (!lease) throw std::runtime_error(lease.error().message);
    return lease->metadata.resourceVersion;
  }

  test::FakeKubeClient server;
  std::string seen = "1";  // by the cache
  TrackingClient client{server, {{"leases", [this] { return seen; }}}};
};

TEST_F(TrackingClientTest, AKeyWaitsForTheCacheToHaveWhatItsPassWrote) {
  EXPECT_TRUE(client.caughtUp(kA));
  write(client, "before");  // so that there is something to be behind
  std::string version;
  {
    const TrackingClient::Pass pass(client, kA);
    write(client, "first");
    version = write(client, "last");
  }
  EXPECT_FALSE(client.caughtUp(kA));
  EXPECT_TRUE(client.caughtUp(kB)) << "others need not wait";
  seen = version;
  EXPECT_TRUE(client.caughtUp(kA));
}

TEST_F(TrackingClientTest, OnlyWritesThatGotThroughInAPassToACachedKindCount) {
  const std::string version = write(client, "outside");
  {
    const TrackingClient::Pass pass(client, kA);
    server.failNext("create", "leases", Error::transient("away"));
    EXPECT_THROW(write(client, "failed"), std::runtime_error);
    EXPECT_TRUE(client.get(Lease::resource, {"ns", "outside"}));
    const api::ResourceType other{"example.org", "v1", "things", "Thing", true};
    EXPECT_TRUE(client.create(other, {{"metadata", {{"namespace", "ns"}, {"name", "x"}}}}));
  }
  EXPECT_TRUE(client.caughtUp(kA));
}

TEST_F(TrackingClientTest, PassesOfSeveralWorkersAreKeptApart) {
  std::thread a([&] {
    const TrackingClient::Pass pass(client, kA);
    write(client, "a");
  });
  a.join();
  std::string version;
  std::thread b([&] {
    const TrackingClient::Pass pass(client, kB);
    version = write(client, "b");
  });
  b.join();
  EXPECT_TRUE(client.caughtUp(kA)) << "its write was the first, and that the cache has";
  EXPECT_FALSE(client.caughtUp(kB));
  seen = version;
  EXPECT_TRUE(client.caughtUp(kB));
}

TEST_F(TrackingClientTest, AControllerHoldsAPassBackUntilThen) {
  struct Writer final : reconcile::Reconciler {
    std::function<void()> act;
    Result<reconcile::Done> reconcile(const api::ObjectKey&, std::stop_token) override {
      act();
      return reconcile::Done{0s};
    }
  } reconciler;
  std::string version;
  int passes = 0;
  reconciler.act = [&] {
    ++passes;
    for (int i = 0; i < 2; ++i) version = write(client, std::to_string(10 * passes + i));
  };
  test::ManualClock clock;
  Metrics metrics;
  Controller controller({.name = "test", .client = &client}, reconciler, clock, metrics, Logger());
  controller.queue().add(kA);
  ASSERT_TRUE(controller.processNext());
  for (int i = 0; i < 5; ++i) {
    controller.queue().add(kA);
    ASSERT_TRUE(controller.processNext());
    clock.advance(1s);
  }
  EXPECT_EQ(passes, 1) << "decided on a cache that does not have its last write";
  seen = version;
  ASSERT_TRUE(controller.processNext());
  EXPECT_EQ(passes, 2);
  EXPECT_EQ(controller.queue().failures(kA), 0);
}

}  // namespace
}  // namespace vnic::runtime
