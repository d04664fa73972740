// SPDX-License-Identifier: Apache-2.0
// The client against a real kube-apiserver: what it does with what the server really answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <set>

#include "api/vf_reservation.h"
#include "api/vm_host.h"
#include "api/vnic.h"
#include "kube/connection.h"
#include "kube/kubeconfig.h"
#include "kube/typed.h"
#include "kube/watch_decoder.h"
#include "support/control_plane_fixture.h"

namespace vnic::kube {
namespace {

using api::Vnic;
using nlohmann::json;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

class KubeClient : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    controlPlane_ = std::make_unique<test::ControlPlane>();
    connection_ = connect(controlPlane_->adminKubeconfig());
  }
  static void TearDownTestSuite() {
    connection_.reset();
    controlPlane_.reset();
  }
  // Each test has a namespace of its own.
  void SetUp() override {
    static int number = 0;
    ns_ = "test-" + std::to_string(++number);
    client_ = connection_->makeClient({});
    ASSERT_TRUE(client_->create(kNamespaces, objectFrame(kNamespaces, {"", ns_})));
  }

  static std::unique_ptr<Connection> connect(const std::filesystem::path& kubeconfig) {
    auto config = readKubeconfig({kubeconfig.string()}, "");
    if (!config) throw std::runtime_error(config.error().message);
    auto connection = Connection::open(*config, clock_, Logger());
    if (!connection) throw std::runtime_error(connection.error().message);
    return std::move(*connection);
  }

  Result<Vnic> createVnic(const std::string& name) {
    api::ObjectMeta meta;
    meta.ns = ns_;
    meta.name = name;
    return createObject<Vnic>(*client_, meta, {{"vmName", "db"}, {"profile", {{"name", "blue"}}}});
  }
  Vnic mustCreateVnic(const std::string& name) {
    auto vnic = createVnic(name);
    if (!vnic) throw std::runtime_error(vnic.error().message);
    return std::move(*vnic);
  }
  ListOptions here() const {
    ListOptions options;
    options.ns = ns_;
    return options;
  }
  std::string currentVersion() { return listPage<Vnic>(*client_, here())->resourceVersion; }

  struct Seen {
    WatchEventType type = WatchEventType::Error;
    std::string name;
    std::string resourceVersion;
    bool endsInitial = false;
    std::optional<Error> error;
  };
  // Watches until `done` says so, or the server ends it.
  Status watchUntil(WatchOptions options, std::vector<Seen>& seen,
                    const std::function<bool(const Seen&)>& done) {
    options.ns = ns_;
    WatchDecoder decoder;
    std::stop_source stop;
    const Status status = client_->watch(
        Vnic::resource, options,
        [&](std::string_view line) {
          const auto event = decoder.decode(line);
          ASSERT_TRUE(event) << line;
          Seen one;
          one.type = event->type;
          one.resourceVersion = resourceVersionOf(event->object);
          std::string_view name;
          if (!event->object["metadata"]["name"].get(name)) one.name = name;
          one.endsInitial =
              event->type == WatchEventType::Bookmark && endsInitialEvents(event->object);
          if (event->type == WatchEventType::Error) one.error = statusError(event->object);
          seen.push_back(one);
          if (done(one)) stop.request_stop();
        },
        stop.get_token());
    const bool cancelled = !status && status.error().kind == ErrorKind::Cancelled;
    return cancelled && stop.stop_requested() ? Status{} : status;
  }

  static constexpr api::ResourceType kNamespaces{"", "v1", "namespaces", "Namespace", false};
  static inline SystemClock clock_;
  static inline std::unique_ptr<test::ControlPlane> controlPlane_;
  static inline std::unique_ptr<Connection> connection_;
  std::unique_ptr<Client> client_;
  std::string ns_;
};

TEST_F(KubeClient, ListsInPagesWithoutLosingOrRepeatingAnything) {
  for (int i = 0; i < 25; ++i) mustCreateVnic("v" + std::to_string(i));
  ListOptions options = here();
  options.limit = 10;
  std::multiset<std::string> names;
  std::vector<std::size_t> sizes;
  std::set<std::string> versions;
  do {
    const auto page = listPage<Vnic>(*client_, options);
    ASSERT_TRUE(page) << page.error().message;
    EXPECT_TRUE(page->undecodable.empty());
    for (const Vnic& vnic : page->items) names.insert(vnic.metadata.name);
    sizes.push_back(page->items.size());
    versions.insert(page->resourceVersion);
    options.continueToken = page->continueToken;
  } while (!options.continueToken.empty());
  EXPECT_THAT(sizes, ElementsAre(10U, 10U, 5U));
  EXPECT_EQ(names.size(), 25U);
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), 25U);
  EXPECT_EQ(versions.size(), 1U) << "all pages are of one moment";
}

TEST_F(KubeClient, AWatchGoesOnExactlyWhereTheListEnded) {
  mustCreateVnic("before");
  WatchOptions options;
  options.resourceVersion = currentVersion();
  const Vnic created = mustCreateVnic("after");
  ASSERT_TRUE(setAnnotation(*client_, created, "a", "b"));
  ASSERT_TRUE(client_->remove(Vnic::resource, created.metadata.key(), {}));
  std::vector<Seen> seen;
  ASSERT_TRUE(watchUntil(options, seen,
                         [](const Seen& one) { return one.type == WatchEventType::Deleted; }));
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(seen[0].type, WatchEventType::Added);
  EXPECT_EQ(seen[1].type, WatchEventType::Modified);
  EXPECT_EQ(seen[2].type, WatchEventType::Deleted);
  for (const Seen& one : seen) EXPECT_EQ(one.name, "after");

  // And once more, from the middle.
  options.resourceVersion = seen[0].resourceVersion;
  std::vector<Seen> again;
  ASSERT_TRUE(watchUntil(options, again,
                         [](const Seen& one) { return one.type == WatchEventType::Deleted; }));
  EXPECT_EQ(again.size(), 2U);
  EXPECT_EQ(again[0].type, WatchEventType::Modified);
}

TEST_F(KubeClient, InitialEventsComeAsAddedAndEndWithTheirBookmark) {
  mustCreateVnic("a");
  mustCreateVnic("b");
  WatchOptions options;
  options.sendInitialEvents = true;
  std::vector<Seen> seen;
  ASSERT_TRUE(watchUntil(options, seen, [](const Seen& one) { return one.endsInitial; }));
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(seen[0].type, WatchEventType::Added);
  EXPECT_EQ(seen[1].type, WatchEventType::Added);
  EXPECT_TRUE(seen[2].endsInitial);
  EXPECT_FALSE(seen[2].resourceVersion.empty());
}

TEST_F(KubeClient, BookmarksKeepAnIdleWatchAliveWithinItsIdleLimit) {
  WatchOptions options;
  options.resourceVersion = currentVersion();
  std::vector<Seen> seen;
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(watchUntil(options, seen,
                         [](const Seen& one) { return one.type == WatchEventType::Bookmark; }));
  ASSERT_FALSE(seen.empty());
  EXPECT_FALSE(seen[0].resourceVersion.empty());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, RestOptions{}.watchIdleLimit);
}

TEST_F(KubeClient, AStaleCopyCannotBeWritten) {
  const Vnic old = mustCreateVnic("v");
  ASSERT_TRUE(setAnnotation(*client_, old, "a", "1"));
  const auto kindOf = [](const auto& result) {
    return result ? std::optional<ErrorKind>() : result.error().kind;
  };
  EXPECT_EQ(kindOf(setAnnotation(*client_, old, "a", "2")), ErrorKind::Conflict);
  EXPECT_EQ(kindOf(addFinalizer(*client_, old)), ErrorKind::Conflict);
  EXPECT_EQ(kindOf(patchSpec(*client_, old, {{"desiredState", "Detached"}})), ErrorKind::Conflict);
  EXPECT_EQ(kindOf(applyStatus<Vnic>(*client_, old.metadata, {{"host", "h"}})),
            ErrorKind::Conflict);
  json put = json::parse(*client_->get(Vnic::resource, old.metadata.key()));
  put["metadata"]["resourceVersion"] = old.metadata.resourceVersion;
  EXPECT_EQ(kindOf(client_->update(Vnic::resource, put)), ErrorKind::Conflict);
  EXPECT_EQ(kindOf(removeObject(*client_, old)), ErrorKind::Conflict);
}

TEST_F(KubeClient, AnotherManagersFieldIsAnOwnershipConflictUnlessForced) {
  const Vnic vnic = mustCreateVnic("v");
  json body = objectFrame(Vnic::resource, vnic.metadata.key());
  body["status"] = {{"host", "host1"}};
  ASSERT_TRUE(client_->apply(Vnic::resource, body, {"somebody-else", false, "status"}));
  body["status"]["host"] = "host2";
  const auto refused = client_->apply(Vnic::resource, body, {"vnic-operator", false, "status"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::OwnershipConflict);
  EXPECT_THAT(refused.error().message, HasSubstr("somebody-else"));
  EXPECT_TRUE(client_->apply(Vnic::resource, body, {"vnic-operator", true, "status"}));
}

TEST_F(KubeClient, AppliedStatusReplacesOurFieldsAndLeavesOthersAlone) {
  Vnic vnic = mustCreateVnic("v");
  EXPECT_EQ(vnic.status.observedGeneration, -1) << "the schema's default, before we saw it";
  auto first = applyStatus<Vnic>(
      *client_, vnic.metadata, {{"observedGeneration", 1}, {"host", "h"}, {"vf", "0000:01:10.0"}});
  ASSERT_TRUE(first) << first.error().message;
  json agent = objectFrame(Vnic::resource, vnic.metadata.key());
  agent["status"] = {{"standby", "ua-x"}};
  ASSERT_TRUE(client_->apply(Vnic::resource, agent, {"agent", true, "status"}));
  const auto current = getObject<Vnic>(*client_, vnic.metadata.key());
  const auto second =
      applyStatus<Vnic>(*client_, current->metadata, {{"observedGeneration", 1}, {"host", "h"}});
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(second->status.vf, "") << "left out is taken back";
  EXPECT_EQ(second->status.host, "h");
  EXPECT_EQ(second->status.standby, "ua-x");
}

TEST_F(KubeClient, ApplyingWhatIsThereAlreadyChangesNothing) {
  const Vnic vnic = mustCreateVnic("v");
  const json status{{"observedGeneration", 1}, {"host", "h"}};
  const auto first = applyStatus<Vnic>(*client_, vnic.metadata, status);
  ASSERT_TRUE(first);
  const auto second = applyStatus<Vnic>(*client_, first->metadata, status);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->metadata.resourceVersion, first->metadata.resourceVersion);
}

TEST_F(KubeClient, NothingOfOursReachesANamesake) {
  Vnic old = mustCreateVnic("v");
  ASSERT_TRUE(removeObject(*client_, old));
  EXPECT_TRUE(removeObject(*client_, old)) << "gone is gone";
  const Vnic namesake = mustCreateVnic("v");
  ASSERT_NE(namesake.metadata.uid, old.metadata.uid);

  const Status removed = removeObject(*client_, old);
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().kind, ErrorKind::Conflict);
  const Status byUid = client_->remove(Vnic::resource, old.metadata.key(), {old.metadata.uid, ""});
  ASSERT_FALSE(byUid);
  EXPECT_EQ(byUid.error().kind, ErrorKind::Conflict);
  for (const StatusGuard guard : {StatusGuard::ResourceVersion, StatusGuard::None}) {
    const auto applied = applyStatus<Vnic>(*client_, old.metadata, {{"host", "h"}}, guard);
    ASSERT_FALSE(applied);
    EXPECT_EQ(applied.error().kind, ErrorKind::Conflict);
  }
  old.metadata.finalizers = {api::kFinalizer};
  EXPECT_EQ(removeFinalizer(*client_, old).error().kind, ErrorKind::Conflict);
  EXPECT_EQ(getObject<Vnic>(*client_, old.metadata.key())->metadata.uid, namesake.metadata.uid);
}

TEST_F(KubeClient, AStatusOfWhatIsGoneDoesNotCreateIt) {
  const Vnic vnic = mustCreateVnic("v");
  ASSERT_TRUE(removeObject(*client_, vnic));
  const auto applied = applyStatus<Vnic>(*client_, vnic.metadata, {{"host", "h"}});
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().kind, ErrorKind::NotFound);
}

TEST_F(KubeClient, AFinalizerHoldsADeletedObjectUntilItIsTakenOff) {
  const Vnic vnic = mustCreateVnic("v");
  const auto held = addFinalizer(*client_, vnic);
  ASSERT_TRUE(held) << held.error().message;
  EXPECT_TRUE(held->metadata.hasFinalizer(api::kFinalizer));
  ASSERT_TRUE(removeObject(*client_, *held));
  const auto deleting = getObject<Vnic>(*client_, vnic.metadata.key());
  ASSERT_TRUE(deleting);
  EXPECT_TRUE(deleting->metadata.deleting());
  ASSERT_TRUE(removeFinalizer(*client_, *deleting));
  EXPECT_EQ(getObject<Vnic>(*client_, vnic.metadata.key()).error().kind, ErrorKind::NotFound);
}

TEST_F(KubeClient, ATakenNameIsAlreadyExists) {
  mustCreateVnic("v");
  const auto again = createVnic("v");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::AlreadyExists);
}

TEST_F(KubeClient, AWrongObjectIsInvalidAndNamesItsField) {
  api::ObjectMeta meta;
  meta.ns = ns_;
  meta.name = "v";
  const auto refused = createObject<Vnic>(
      *client_, meta,
      {{"vmName", "db"}, {"profile", {{"name", "blue"}}}, {"desiredState", "Perhaps"}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::Invalid);
  EXPECT_THAT(refused.error().message, HasSubstr("spec.desiredState"));
}

TEST_F(KubeClient, AMissingPermissionIsForbidden) {
  const auto connection = connect(controlPlane_->operatorKubeconfig());
  const auto client = connection->makeClient({});
  ASSERT_TRUE(listPage<Vnic>(*client, here())) << "what the operator may do";
  const auto refused = client->get({"", "v1", "secrets", "Secret", true}, {"kube-system", "x"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::Forbidden);
}

TEST_F(KubeClient, AnUnknownTokenIsForbidden) {
  ClusterConfig config = connection_->config();
  config.tokenFile.clear();
  config.token = "nobody";
  const auto connection = Connection::open(config, clock_, Logger());
  const auto refused = listPage<Vnic>(*(*connection)->makeClient({}), here());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::Forbidden);
  EXPECT_EQ(refused.error().code, 401);
}

// The two below disturb the control plane for all; each leaves it as it was.
TEST_F(KubeClient, HistoryThatWasCompactedIsGone) {
  const std::string old = currentVersion();
  for (int i = 0; i < 25; ++i) mustCreateVnic("v" + std::to_string(i));
  ListOptions paged = here();
  paged.limit = 10;
  paged.continueToken = listPage<Vnic>(*client_, paged)->continueToken;
  for (int i = 25; i < 30; ++i) mustCreateVnic("v" + std::to_string(i));
  controlPlane_->compact();

  WatchOptions options;
  options.resourceVersion = old;
  std::vector<Seen> seen;
  const Status watched =
      watchUntil(options, seen, [](const Seen& one) { return one.error.has_value(); });
  // The server may say it as the answer's status or as an event within the watch.
  if (watched) {
    ASSERT_EQ(seen.size(), 1U);
    EXPECT_EQ(seen[0].error->kind, ErrorKind::Gone);
  } else {
    EXPECT_EQ(watched.error().kind, ErrorKind::Gone);
  }
  const auto page = listPage<Vnic>(*client_, paged);
  ASSERT_FALSE(page) << "a continue token of compacted history";
  EXPECT_EQ(page.error().kind, ErrorKind::Gone);
  EXPECT_EQ(listPage<Vnic>(*client_, here())->items.size(), 30U) << "listing again is the way out";
}

TEST_F(KubeClient, AServersRestartEndsAWatchAndCostsNoMoreThanATransientError) {
  mustCreateVnic("v");
  WatchOptions options;
  options.resourceVersion = currentVersion();
  auto watching = std::async(std::launch::async, [&] {
    std::vector<Seen> seen;
    return watchUntil(options, seen, [](const Seen&) { return false; });
  });
  controlPlane_->stopApiServer();
  const Status ended = watching.get();
  if (!ended) {
    EXPECT_EQ(ended.error().kind, ErrorKind::Transient) << ended.error().message;
  }
  const auto away = getObject<Vnic>(*client_, {ns_, "v"});
  ASSERT_FALSE(away);
  EXPECT_EQ(away.error().kind, ErrorKind::Transient);
  controlPlane_->startApiServer();
  const auto back = getObject<Vnic>(*client_, {ns_, "v"});
  EXPECT_TRUE(back) << back.error().message;
}

}  // namespace
}  // namespace vnic::kube
