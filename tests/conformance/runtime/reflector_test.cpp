// SPDX-License-Identifier: Apache-2.0
// Caches against a real API server: both ways to begin, resuming, and a history that is gone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>
#include <set>

#include "api/vnic_profile.h"
#include "cache/informer.h"
#include "cache/own_writes.h"
#include "conformance/runtime/api_server.h"
#include "conformance/runtime/observed_client.h"
#include "kube/typed.h"
#include "runtime/lease.h"

namespace vnic::test {
namespace {

using namespace std::chrono_literals;
using runtime::Lease;
using ::testing::ElementsAre;

constexpr Duration kPatience = 60s;

// Leases with a label of this test's own stand for any kind.
class ReflectorConformance : public ::testing::TestWithParam<bool> {
 protected:
  ReflectorConformance() {
    cache::ReflectorOptions options;
    options.ns = kOperatorNamespace;
    options.labelSelector = "test=" + label;
    options.streamInitialList = GetParam();
    options.seed = 1;
    informer = std::make_unique<cache::Informer<Lease>>(options, observed, api.clock(), Logger());
    informer->onChange([this](const cache::Change<Lease>& change) {
      const std::lock_guard lock(mutex);
      told.push_back((!change.before  ? "+"
                      : !change.after ? "-"
                                      : "~") +
                     change.key().name.substr(label.size() + 1));
    });
  }
  ~ReflectorConformance() override {
    observed.releaseWatches();
    informer->stop();
    for (const std::string& name : created) (void)remove(name);
  }

  Lease create(const std::string& name, const std::string& holder = "first") {
    api::ObjectMeta meta;
    meta.ns = kOperatorNamespace;
    meta.name = label + "-" + name;
    meta.labels = {{"test", label}};
    runtime::LeaseRecord record;
    record.holder = holder;
    auto lease = kube::createObject<Lease>(api.admin(), meta, toJson(record));
    if (!lease) throw std::runtime_error(lease.error().message);
    created.insert(name);
    return *lease;
  }
  Lease change(const std::string& name, const std::string& holder) {
    auto lease = kube::getObject<Lease>(api.admin(), key(name)).value();
    lease.spec.holder = holder;
    nlohmann::json body = kube::objectFrame(Lease::resource, key(name));
    body["metadata"] = api::toJson(lease.metadata);
    body["spec"] = toJson(lease.spec);
    return kube::detail::decodeBody<Lease>(api.admin().update(Lease::resource, body)).value();
  }
  Status remove(const std::string& name) {
    return api.admin().remove(Lease::resource, key(name), {});
  }
  api::ObjectKey key(const std::string& name) const {
    return {kOperatorNamespace, label + "-" + name};
  }
  std::vector<std::string> takeTold() {
    const std::lock_guard lock(mutex);
    return std::exchange(told, {});
  }
  bool toldAtLeast(std::size_t number) {
    return eventually(
        [&] {
          const std::lock_guard lock(mutex);
          return told.size() >= number;
        },
        kPatience);
  }
  std::string holderInCache(const std::string& name) {
    const auto lease = informer->store().get(key(name));
    return lease ? lease->spec.holder : "";
  }
  // The first list may come from the API server's own cache, which can be older than our last
  // write; what it lacks comes by the watch.
  void startAndSync() {
    informer->start();
    ASSERT_TRUE(informer->waitForSync(kPatience, {}));
    ASSERT_TRUE(toldAtLeast(created.size()));
  }

  ApiServer& api = ApiServer::shared();
  const std::string label =
      "r" + std::to_string(std::chrono::system_clock::now().time_since_epoch().count());
  ObservedClient observed{api.admin()};
  std::unique_ptr<cache::Informer<Lease>> informer;
  std::mutex mutex;
  std::vector<std::string> told;
  std::set<std::string> created;
};

TEST_P(ReflectorConformance, HasWhatIsThereAndFollowsWhatHappens) {
  create("a");
  create("b");
  startAndSync();
  auto initial = takeTold();
  std::sort(initial.begin(), initial.end());
  EXPECT_THAT(initial, ElementsAre("+a", "+b"));
  create("c");
  ASSERT_TRUE(toldAtLeast(1));
  const Lease changed = change("a", "second");
  ASSERT_TRUE(toldAtLeast(2));
  ASSERT_TRUE(remove("b"));
  ASSERT_TRUE(toldAtLeast(3));
  EXPECT_THAT(takeTold(), ElementsAre("+c", "~a", "-b"));
  EXPECT_EQ(holderInCache("a"), "second");
  EXPECT_EQ(informer->store().size(), 2u);
  EXPECT_TRUE(cache::compareResourceVersions(informer->resourceVersion(),
                                             changed.metadata.resourceVersion) >= 0)
      << "the cache knows that it has passed our own write";
  EXPECT_EQ(observed.lists(), GetParam() ? 0 : 1) << "a streamed list needs no other";
}

TEST_P(ReflectorConformance, ResumesAWatchThatEndedWithoutListingAgain) {
  observed.timeoutSeconds = 2;
  create("a");
  startAndSync();
  ASSERT_TRUE(eventually([&] { return observed.watches() >= 3; }, kPatience));
  observed.holdWatches();
  ASSERT_TRUE(eventually([&] { return observed.heldBack() >= 1; }, kPatience));
  takeTold();
  const int lists = observed.lists();
  create("b");  // while nobody watches
  change("a", "second");
  ASSERT_TRUE(remove("b"));
  observed.releaseWatches();
  ASSERT_TRUE(toldAtLeast(3));
  EXPECT_THAT(takeTold(), ElementsAre("+b", "~a", "-b")) << "every event, in order";
  EXPECT_EQ(observed.lists(), lists);
  EXPECT_EQ(observed.gone(), 0);
}

TEST_P(ReflectorConformance, BeginsAgainWhenTheHistoryIsGone) {
  observed.timeoutSeconds = 2;
  create("vanishing");
  create("kept");
  startAndSync();
  observed.holdWatches();
  ASSERT_TRUE(eventually([&] { return observed.heldBack() >= 1; }, kPatience));
  takeTold();
  ASSERT_TRUE(remove("vanishing"));
  change("kept", "second");
  create("new");
  api.controlPlane().compact();
  EXPECT_EQ(holderInCache("kept"), "first") << "until then the cache stays as it was";
  observed.releaseWatches();
  ASSERT_TRUE(toldAtLeast(3));
  auto changes = takeTold();
  std::sort(changes.begin(), changes.end());
  EXPECT_THAT(changes, ElementsAre("+new", "-vanishing", "~kept"));
  EXPECT_GE(observed.gone(), 1) << "the API server was expected to answer 410";
  observed.timeoutSeconds = 0;
  create("later");
  ASSERT_TRUE(toldAtLeast(1));
  EXPECT_THAT(takeTold(), ElementsAre("+later"));
}

TEST_P(ReflectorConformance, SurvivesACrashOfTheApiServer) {
  create("a");
  startAndSync();
  takeTold();
  api.controlPlane().restartApiServer();
  create("b");
  ASSERT_TRUE(toldAtLeast(1));
  EXPECT_THAT(takeTold(), ElementsAre("+b"));
  EXPECT_NE(informer->store().get(key("a")), nullptr);
}

INSTANTIATE_TEST_SUITE_P(Begin, ReflectorConformance, ::testing::Values(false, true),
                         [](const auto& info) { return info.param ? "Stream" : "List"; });

class Paging : public ReflectorConformance {};

TEST_P(Paging, ReadsAListPageByPage) {
  observed.pageSize = 2;
  for (const char* name : {"a", "b", "c", "d", "e"}) create(name);
  startAndSync();
  EXPECT_EQ(informer->store().size(), 5u);
  EXPECT_EQ(observed.lists(), 3);
  create("f");
  ASSERT_TRUE(toldAtLeast(6));
}

INSTANTIATE_TEST_SUITE_P(Begin, Paging, ::testing::Values(false));

// One of our own kinds, as custom resources go other ways through the API server than built-in
// ones.
TEST(CustomResources, AreStreamedAndFollowed) {
  ApiServer& api = ApiServer::shared();
  const auto apply = [&](const std::string& mtu) {
    const auto result = api.controlPlane().kubectl(
        {"apply", "-f", "-"},
        "apiVersion: vnic.dev/v1alpha1\nkind: VnicProfile\nmetadata: {name: followed}\n"
        "spec: {network: blue, passthrough: true, mtu: " +
            mtu + "}\n");
    ASSERT_TRUE(result.ok()) << result.err;
  };
  cache::ReflectorOptions options;
  options.streamInitialList = true;
  cache::Informer<api::VnicProfile> profiles(options, api.client(), api.clock(), Logger());
  apply("1500");
  profiles.start();
  ASSERT_TRUE(profiles.waitForSync(kPatience, {}));
  const auto mtu = [&] {
    const auto profile = profiles.store().get({"", "followed"});
    return profile ? profile->spec.mtu.value_or(0) : 0;
  };
  EXPECT_EQ(mtu(), 1500);
  apply("9000");
  EXPECT_TRUE(eventually([&] { return mtu() == 9000; }, kPatience));
  const auto removed = api.controlPlane().kubectl({"delete", "vnicprofile", "followed"});
  EXPECT_TRUE(removed.ok()) << removed.err;
  EXPECT_TRUE(eventually([&] { return profiles.store().size() == 0; }, kPatience));
  profiles.stop();
}

}  // namespace
}  // namespace vnic::test
