// SPDX-License-Identifier: Apache-2.0
// The libvirt adapter against hosts that refuse, say nothing, or talk nonsense, on loopback.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include "hypervisor/libvirt/libvirt_hypervisor.h"
#include "support/eventually.h"
#include "support/loopback_listener.h"

namespace vnic::hypervisor {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using testing::HasSubstr;

// Accepts connections and never says a word.
class SilentServer {
 public:
  ~SilentServer() {
    for (const int client : clients_) close(client);
  }
  // Waits for one more connection.
  bool acceptWithin(std::chrono::milliseconds timeout) {
    pollfd ready{listener_.fd(), POLLIN, 0};
    if (poll(&ready, 1, static_cast<int>(timeout.count())) != 1) return false;
    clients_.push_back(accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC));
    return true;
  }
  void say(const std::string& text) {
    EXPECT_EQ(send(clients_.back(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  void hangUpOnOne() {
    close(clients_.back());
    clients_.pop_back();
  }
  std::string uri() const {
    return "qemu+tcp://127.0.0.1:" + std::to_string(listener_.port()) + "/system";
  }

 private:
  test::LoopbackListener listener_;
  std::vector<int> clients_;
};

LibvirtOptions quick() {
  LibvirtOptions options;
  options.allowInsecure = true;
  options.connectTimeout = 100ms;
  options.queryTimeout = 200ms;
  options.reconnectInitial = 5ms;
  options.reconnectCap = 10ms;
  return options;
}

TEST(UnreachableHost, ThatRefusesIsUnknownWithTheReason) {
  std::string uri;
  {
    const SilentServer closed;
    uri = closed.uri();
  }
  LibvirtHypervisor hypervisor{Logger(), quick()};
  hypervisor.setHost("host1", uri);
  ASSERT_TRUE(eventually(10s, [&] {
    return hypervisor.snapshot("host1").error().message.find("Connection refused") !=
           std::string::npos;
  })) << hypervisor.snapshot("host1").error().message;
  EXPECT_EQ(hypervisor.snapshot("host1").error().kind, ErrorKind::Transient);
  EXPECT_EQ(hypervisor.domain("host1", "11111111-1111-1111-1111-111111111111").error().kind,
            ErrorKind::Transient);
  EXPECT_EQ(hypervisor.abortJob("host1", "11111111-1111-1111-1111-111111111111").error().kind,
            ErrorKind::Transient)
      << "no answer is not the answer that there is no job";
}

TEST(UnreachableHost, ThatSaysNothingKeepsNobodyWaiting) {
  SilentServer server;
  LibvirtHypervisor hypervisor{Logger(), quick()};
  hypervisor.setHost("host1", server.uri());
  ASSERT_TRUE(server.acceptWithin(10s));
  const auto before = std::chrono::steady_clock::now();
  const auto unknown = hypervisor.snapshot("host1");
  EXPECT_LT(std::chrono::steady_clock::now() - before, 5s);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kind, ErrorKind::Transient);
}

TEST(UnreachableHost, ThatSaysNothingIsTriedAgainButNotWithoutEnd) {
  SilentServer server;
  LibvirtHypervisor hypervisor{Logger(), quick()};
  hypervisor.setHost("host1", server.uri());
  for (int attempt = 0; attempt < 4; ++attempt) ASSERT_TRUE(server.acceptWithin(10s)) << attempt;
  EXPECT_FALSE(server.acceptWithin(2s)) << "20 times the time between two attempts";
  server.hangUpOnOne();
  EXPECT_TRUE(server.acceptWithin(10s)) << "one has ended, so there is room for another";
}

TEST(UnreachableHost, ThatTalksNonsenseIsTriedAgain) {
  SilentServer server;
  LibvirtHypervisor hypervisor{Logger(), quick()};
  hypervisor.setHost("host1", server.uri());
  ASSERT_TRUE(server.acceptWithin(10s));
  server.say("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(server.acceptWithin(10s));
  EXPECT_EQ(hypervisor.snapshot("host1").error().kind, ErrorKind::Transient);
}

TEST(UnreachableHost, DoesNotHoldUpTheEndOfTheAdapter) {
  SilentServer server;
  auto hypervisor = std::make_unique<LibvirtHypervisor>(Logger(), quick());
  hypervisor->setHost("host1", server.uri());
  ASSERT_TRUE(server.acceptWithin(10s));
  const auto before = std::chrono::steady_clock::now();
  hypervisor.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - before, 5s);
}

TEST(UnreachableHost, AMigrationThatCouldNotBeginIsOverAndNeverBegins) {
  SilentServer server;
  LibvirtHypervisor hypervisor{Logger(), quick()};
  hypervisor.setHost("host1", server.uri());
  MigrationRequest request;
  request.uuid = "11111111-1111-1111-1111-111111111111";
  ASSERT_TRUE(hypervisor.startMigration("host1", request));
  EXPECT_TRUE(hypervisor.migrationOutcome("host1", request.uuid)->running);
  ASSERT_TRUE(eventually(
      10s, [&] { return !hypervisor.migrationOutcome("host1", request.uuid)->running; }));
  EXPECT_EQ(hypervisor.migrationOutcome("host1", request.uuid)->error->kind, ErrorKind::Transient);

  MigrationRequest other;
  other.uuid = "22222222-2222-2222-2222-222222222222";
  ASSERT_TRUE(hypervisor.startMigration("host1", other));
  EXPECT_FALSE(hypervisor.abortJob("host1", other.uuid)) << "the host itself was not asked";
  EXPECT_EQ(hypervisor.migrationOutcome("host1", other.uuid)->error->kind, ErrorKind::Cancelled);
}

TEST(UnreachableHost, PlainTcpIsRefusedUnlessAllowed) {
  LibvirtOptions options = quick();
  options.allowInsecure = false;
  LibvirtHypervisor hypervisor{Logger(), options};
  hypervisor.setHost("host1", "qemu+tcp://host1/system");
  const auto refused = hypervisor.snapshot("host1");
  EXPECT_EQ(refused.error().kind, ErrorKind::Invalid);
  EXPECT_THAT(refused.error().message, HasSubstr("qemu+tls"));
}

TEST(UnreachableHost, AHostThatIsNotKnownIsUnknown) {
  LibvirtHypervisor hypervisor{Logger(), quick()};
  EXPECT_EQ(hypervisor.snapshot("nobody").error().kind, ErrorKind::Transient);
}

}  // namespace
}  // namespace vnic::hypervisor
