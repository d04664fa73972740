// SPDX-License-Identifier: Apache-2.0
// The whole client, from a kubeconfig's content to the wire.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include "component/kube/transport_environment.h"
#include "kube/connection.h"
#include "support/manual_clock.h"

namespace vnic::kube {
namespace {

using test::LoopbackPeer;
using test::PeerConnection;
using test::PeerRequest;
using test::TestAuthority;
using testing::ElementsAre;

constexpr api::ResourceType kVnics{"vnic.dev", "v1alpha1", "vnics", "Vnic", true};

class ConnectionTest : public testing::Test {
 protected:
  ConnectionTest()
      : tokenFile_(std::filesystem::temp_directory_path() /
                   ("vnic-token-" + std::to_string(::getpid()))) {
    writeToken("first");
  }
  ~ConnectionTest() override { std::filesystem::remove(tokenFile_); }

  void writeToken(const std::string& token) { std::ofstream(tokenFile_) << token << "\n"; }

  std::unique_ptr<Connection> connect(const std::string& url) {
    ClusterConfig config;
    config.server = url;
    config.caData = authority_.certPem();
    config.tokenFile = tokenFile_.string();
    auto connection = Connection::open(config, clock_, Logger());
    if (!connection) throw std::runtime_error(connection.error().message);
    return std::move(*connection);
  }

  LoopbackPeer::Options tls() const {
    return {.certificate = authority_.issue("api", "IP:127.0.0.1"), .clientCaPem = ""};
  }

  TestAuthority authority_;
  test::ManualClock clock_;
  std::filesystem::path tokenFile_;
};

TEST_F(ConnectionTest, ARotatedTokenIsUsedWithinAMinuteAndOnTheSameConnection) {
  LoopbackPeer peer(tls(), [](const PeerRequest&, PeerConnection& c) { c.respond(200, "{}"); });
  const auto connection = connect(peer.url());
  const auto client = connection->makeClient({});
  ASSERT_TRUE(client->get(kVnics, {"ns", "a"}));
  writeToken("second");
  ASSERT_TRUE(client->get(kVnics, {"ns", "a"}));
  clock_.advance(std::chrono::seconds(61));
  ASSERT_TRUE(client->get(kVnics, {"ns", "a"}));
  std::vector<std::string> tokens;
  for (const PeerRequest& request : peer.requests()) {
    tokens.push_back(request.headers.at("authorization"));
  }
  EXPECT_THAT(tokens, ElementsAre("Bearer first", "Bearer first", "Bearer second"));
  EXPECT_EQ(peer.connectionsAccepted(), 1);
}

TEST_F(ConnectionTest, ARefusedTokenIsReadAgainAtOnce) {
  LoopbackPeer peer(tls(), [](const PeerRequest& request, PeerConnection& c) {
    const bool good = request.headers.at("authorization") == "Bearer second";
    c.respond(good ? 200 : 401, good ? "{}" : R"({"kind":"Status","code":401})");
  });
  const auto connection = connect(peer.url());
  const auto client = connection->makeClient({});
  const auto refused = client->get(kVnics, {"ns", "a"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::Forbidden);
  EXPECT_EQ(peer.requests().size(), 1U) << "the same token again can only be refused again";
  writeToken("second");
  EXPECT_TRUE(client->get(kVnics, {"ns", "a"}));
}

TEST_F(ConnectionTest, AWatchDeliversLinesAsTheyComeAndEndsWithTheServer) {
  std::atomic<bool> firstSeen = false;
  LoopbackPeer peer(tls(), [&](const PeerRequest& request, PeerConnection& c) {
    EXPECT_EQ(request.target,
              "/apis/vnic.dev/v1alpha1/vnics?watch=true&allowWatchBookmarks=true&"
              "resourceVersion=7&timeoutSeconds=300");
    c.beginChunked(200, {{"Content-Type", "application/json"}});
    c.chunk("{\"type\":\"ADDED\",\"obj");
    c.chunk("ect\":{}}\n");
    firstSeen.wait(false);
    c.chunk("{\"type\":\"BOOKMARK\",\"object\":{}}\n{\"type\":\"DELETED\",\"object\":{}}\n");
    c.endChunked();
  });
  const auto connection = connect(peer.url());
  const auto client = connection->makeClient({});
  std::vector<std::string> lines;
  WatchOptions options;
  options.resourceVersion = "7";
  const Status watched = client->watch(kVnics, options,
                                       [&](std::string_view line) {
                                         lines.emplace_back(line);
                                         firstSeen = true;
                                         firstSeen.notify_all();
                                       },
                                       {});
  EXPECT_TRUE(watched);
  EXPECT_THAT(lines,
              ElementsAre(R"({"type":"ADDED","object":{}})", R"({"type":"BOOKMARK","object":{}})",
                          R"({"type":"DELETED","object":{}})"));
}

TEST_F(ConnectionTest, AWatchThatIsRefusedAsTooOldIsGone) {
  LoopbackPeer peer(tls(), [](const PeerRequest&, PeerConnection& c) {
    c.respond(410, R"({"kind":"Status","code":410,"reason":"Expired","message":"too old"})");
  });
  const auto connection = connect(peer.url());
  const Status watched = connection->makeClient({})->watch(
      kVnics, {}, [](std::string_view) { FAIL() << "no line"; }, {});
  ASSERT_FALSE(watched);
  EXPECT_EQ(watched.error().kind, ErrorKind::Gone);
}

TEST_F(ConnectionTest, AWatchThatIsCutWithinALineIsTransient) {
  LoopbackPeer peer(tls(), [](const PeerRequest&, PeerConnection& c) {
    c.beginChunked(200);
    c.chunk("{\"type\":\"ADDED\",");
    c.endChunked();  // a proxy that gave up politely
  });
  const auto connection = connect(peer.url());
  const Status watched = connection->makeClient({})->watch(
      kVnics, {}, [](std::string_view line) { FAIL() << line; }, {});
  ASSERT_FALSE(watched);
  EXPECT_EQ(watched.error().kind, ErrorKind::Transient);
}

TEST_F(ConnectionTest, AWatchLineWithoutEndIsGivenUpAtTheLimit) {
  LoopbackPeer peer(tls(), [](const PeerRequest&, PeerConnection& c) {
    c.beginChunked(200);
    while (c.chunk(std::string(10000, 'x'))) {
    }
  });
  const auto connection = connect(peer.url());
  RestOptions options;
  options.maxWatchLineBytes = 100'000;
  const Status watched = connection->makeClient(options)->watch(
      kVnics, {}, [](std::string_view line) { FAIL() << line; }, {});
  ASSERT_FALSE(watched);
  EXPECT_EQ(watched.error().kind, ErrorKind::Transient);
  EXPECT_TRUE(peer.waitUntilAllClosed());
}

TEST_F(ConnectionTest, ReadsDoNotNoticeThatTheServerClosedIdleConnections) {
  LoopbackPeer peer(tls(), [](const PeerRequest&, PeerConnection& c) {
    c.respond(200, "{}");
    c.cut();
  });
  const auto connection = connect(peer.url());
  const auto client = connection->makeClient({});
  for (int i = 0; i < 5; ++i) {
    const auto answer = client->get(kVnics, {"ns", "a"});
    ASSERT_TRUE(answer) << answer.error().message;
    ASSERT_TRUE(peer.waitUntilAllClosed());
  }
}

TEST_F(ConnectionTest, TooManyRequestsIsWaitedOutAsLongAsTheServerAsks) {
  std::atomic<int> calls = 0;
  LoopbackPeer peer(tls(), [&](const PeerRequest&, PeerConnection& c) {
    if (++calls < 3) {
      c.respond(429, R"({"kind":"Status","code":429})", {{"Retry-After", "4"}});
    } else {
      c.respond(200, R"({"ok":true})");
    }
  });
  const auto connection = connect(peer.url());
  const auto answer = connection->makeClient({})->get(kVnics, {"ns", "a"});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_THAT(clock_.sleeps(), ElementsAre(std::chrono::seconds(4), std::chrono::seconds(4)));
}

TEST_F(ConnectionTest, TheConflictsAreToldApart) {
  std::string answer;
  LoopbackPeer peer(tls(), [&](const PeerRequest&, PeerConnection& c) {
    c.respond(409, answer, {{"Content-Type", "application/json"}});
  });
  const auto connection = connect(peer.url());
  const auto client = connection->makeClient({});
  const nlohmann::json vnic{{"metadata", {{"namespace", "ns"}, {"name", "a"}}}};
  answer = R"({"kind":"Status","code":409,"reason":"Conflict","message":"modified"})";
  EXPECT_EQ(client->update(kVnics, vnic).error().kind, ErrorKind::Conflict);
  answer = R"({"kind":"Status","code":409,"reason":"Conflict","message":"conflict with \"other\"",
      "details":{"causes":[{"reason":"FieldManagerConflict","field":".spec.vmName"}]}})";
  EXPECT_EQ(client->apply(kVnics, vnic, {"us", false, ""}).error().kind,
            ErrorKind::OwnershipConflict);
  answer = R"({"kind":"Status","code":409,"reason":"AlreadyExists","message":"exists"})";
  EXPECT_EQ(client->create(kVnics, vnic).error().kind, ErrorKind::AlreadyExists);
  EXPECT_EQ(peer.requests().size(), 3U) << "a conflict is for the caller to look at";
}

TEST_F(ConnectionTest, AProxysErrorPageIsReadAsWhatItsStatusSays) {
  LoopbackPeer peer(tls(), [](const PeerRequest&, PeerConnection& c) {
    c.respond(502, "<html><h1>Bad Gateway</h1></html>", {{"Content-Type", "text/html"}});
  });
  const auto connection = connect(peer.url());
  const auto answer = connection->makeClient({})->get(kVnics, {"ns", "a"});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::Transient);
  EXPECT_EQ(answer.error().code, 502);
}

}  // namespace
}  // namespace vnic::kube
