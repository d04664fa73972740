// SPDX-License-Identifier: Apache-2.0
// A kubelet renews the token and cert-manager the certificates in place, while watches run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <latch>

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
constexpr Duration kBeyondReload = std::chrono::seconds(61);

class RotationTest : public testing::Test {
 protected:
  RotationTest() {
    std::filesystem::create_directory(folder_);
    write("token", "first");
    write("ca.crt", before_.certPem());
  }
  ~RotationTest() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& file, const std::string& text) {
    std::ofstream(folder_ / file) << text;
  }
  std::unique_ptr<Connection> connect(const std::string& url) {
    ClusterConfig config;
    config.server = url;
    config.caFile = folder_ / "ca.crt";
    config.tokenFile = folder_ / "token";
    auto connection = Connection::open(config, clock_, Logger());
    if (!connection) throw std::runtime_error(connection.error().message);
    return std::move(*connection);
  }

  const TestAuthority before_, after_;
  test::ManualClock clock_;
  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("vnic-rotation-" + std::to_string(::getpid()));
};

TEST_F(RotationTest, ARunningWatchGoesOnAndEverythingNewUsesWhatIsNew) {
  std::latch rotated(1), watching(1);
  LoopbackPeer peer({.certificate = before_.issue("api", "IP:127.0.0.1"), .clientCaPem = ""},
                    [&](const PeerRequest& request, PeerConnection& c) {
                      if (request.target.find("watch=true") == std::string::npos) {
                        c.respond(200, "{}");
                        return;
                      }
                      c.beginChunked(200);
                      c.chunk("{\"before\":1}\n");
                      rotated.wait();
                      c.chunk("{\"after\":1}\n");
                      c.endChunked();
                    });
  const auto connection = connect(peer.url());
  const auto client = connection->makeClient({});
  std::vector<std::string> lines;
  const auto watch = [&] {
    return client->watch(kVnics, {},
                         [&](std::string_view line) {
                           if (lines.empty()) watching.count_down();
                           lines.emplace_back(line);
                         },
                         {});
  };
  auto running = std::async(std::launch::async, watch);
  watching.wait();

  write("token", "second");
  write("ca.crt", after_.certPem());
  peer.useCertificate(after_.issue("api", "IP:127.0.0.1"));
  clock_.advance(kBeyondReload);
  const auto answer = client->get(kVnics, {"ns", "a"});
  ASSERT_TRUE(answer) << answer.error().message;
  rotated.count_down();
  const Status watched = running.get();
  EXPECT_TRUE(watched) << watched.error().message;
  EXPECT_THAT(lines, ElementsAre("{\"before\":1}", "{\"after\":1}"));
  EXPECT_TRUE(watch());

  const auto requests = peer.requests();
  ASSERT_EQ(requests.size(), 3U);
  EXPECT_EQ(requests[0].headers.at("authorization"), "Bearer first");
  EXPECT_EQ(requests[1].headers.at("authorization"), "Bearer second");
  EXPECT_EQ(requests[2].headers.at("authorization"), "Bearer second");
  EXPECT_NE(requests[1].connection, requests[0].connection);
  EXPECT_EQ(requests[2].connection, requests[1].connection) << "the old pool is gone";
}

// The server's certificate is renewed before our copy of the authority: that minute costs errors
// that say why, and nothing else.
TEST_F(RotationTest, AnAuthorityThatWeDoNotHaveYetIsTransient) {
  LoopbackPeer peer({.certificate = after_.issue("api", "IP:127.0.0.1"), .clientCaPem = ""},
                    [](const PeerRequest&, PeerConnection& c) { c.respond(200, "{}"); });
  const auto connection = connect(peer.url());
  const auto client = connection->makeClient({});
  const auto refused = client->get(kVnics, {"ns", "a"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::Transient);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("certificate"));
  write("ca.crt", "half a certif");  // a reader may come in the middle of a write
  clock_.advance(kBeyondReload);
  EXPECT_FALSE(client->get(kVnics, {"ns", "a"}));
  write("ca.crt", after_.certPem());
  clock_.advance(kBeyondReload);
  const auto answer = client->get(kVnics, {"ns", "a"});
  EXPECT_TRUE(answer) << answer.error().message;
}

// Hourly tokens over a day: nobody notices, and nothing piles up.
TEST_F(RotationTest, AThousandRotationsCostNothing) {
  LoopbackPeer peer({.certificate = before_.issue("api", "IP:127.0.0.1"), .clientCaPem = ""},
                    [](const PeerRequest& request, PeerConnection& c) {
                      c.respond(200, "\"" + request.headers.at("authorization") + "\"");
                    });
  const auto connection = connect(peer.url());
  const auto client = connection->makeClient({});
  for (int i = 0; i < 1000; ++i) {
    const std::string token = "token-" + std::to_string(i);
    write("token", token);
    clock_.advance(std::chrono::hours(1));
    const auto answer = client->get(kVnics, {"ns", "a"});
    ASSERT_TRUE(answer) << answer.error().message;
    ASSERT_EQ(*answer, "\"Bearer " + token + "\"");
  }
  EXPECT_EQ(peer.connectionsAccepted(), 1) << "a token is no reason for a new connection";
}

}  // namespace
}  // namespace vnic::kube
