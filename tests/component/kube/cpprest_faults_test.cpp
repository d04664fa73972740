// SPDX-License-Identifier: Apache-2.0
// What networks and middleboxes do to a connection, and what that may cost: time and memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <list>
#include <string>
#include <vector>

#include "component/kube/transport_environment.h"
#include "support/loopback_listener.h"
#include "support/peak_memory.h"

namespace vnic::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::LoopbackPeer;
using test::PeakMemory;
using test::PeerConnection;
using test::PeerRequest;
using testing::HasSubstr;

constexpr Duration kDeadline = milliseconds(300);

Duration timeOf(const std::function<void()>& what) {
  const auto begin = std::chrono::steady_clock::now();
  what();
  return std::chrono::steady_clock::now() - begin;
}

// A listener whose queue is full: the kernel drops further connection attempts without a word, like
// a firewall.
class FullListener {
 public:
  FullListener() {
    for (int i = 0; i < 8; ++i) {
      fillers_.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      (void)::connect(fillers_.back(), listener_.address(), listener_.kAddressLength);
    }
  }
  ~FullListener() {
    for (const int fd : fillers_) ::close(fd);
  }
  FullListener(const FullListener&) = delete;
  FullListener& operator=(const FullListener&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(listener_.port()); }

 private:
  test::LoopbackListener listener_{0};
  std::vector<int> fillers_;
};

TEST(CpprestFaults, AConnectionThatIsNeverMadeCostsTheDeadline) {
  const FullListener silent;
  const auto transport = makeTransport(silent.url());
  const Duration took = timeOf([&] {
    const auto response = transport->send(getRequest(), kDeadline, {});
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().kind, ErrorKind::Transient);
  });
  EXPECT_GE(took, kDeadline);
  EXPECT_LT(took, seconds(5));
}

TEST(CpprestFaults, AHandshakeThatIsNeverAnsweredCostsTheDeadlineAndTheConnection) {
  LoopbackPeer deaf({}, [](const PeerRequest&, PeerConnection& c) { c.waitUntilClosed(); });
  const auto transport = makeTransport("https://127.0.0.1:" + std::to_string(deaf.port()));
  const Duration took = timeOf([&] {
    const auto response = transport->send(getRequest(), kDeadline, {});
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().kind, ErrorKind::Transient);
  });
  EXPECT_LT(took, seconds(5));
  EXPECT_TRUE(deaf.waitUntilAllClosed());
}

TEST(CpprestFaults, ARequestCanBeStoppedAtAnyTime) {
  LoopbackPeer silent({}, [](const PeerRequest&, PeerConnection& c) { c.waitUntilClosed(); });
  const FullListener unreachable;
  for (const std::string& url : {silent.url(), unreachable.url()}) {
    std::stop_source stop;
    const auto transport = makeTransport(url);
    std::jthread stopper([&] {
      std::this_thread::sleep_for(milliseconds(50));  // in the middle, or before: both are fine
      stop.request_stop();
    });
    const Duration took = timeOf([&] {
      const auto response = transport->send(getRequest(), kPlenty, stop.get_token());
      ASSERT_FALSE(response);
      EXPECT_EQ(response.error().kind, ErrorKind::Cancelled);
    });
    EXPECT_LT(took, seconds(5));
  }
  EXPECT_TRUE(silent.waitUntilAllClosed());
}

TEST(CpprestFaults, ASlowServerHasTheWholeDeadline) {
  LoopbackPeer slow({}, [](const PeerRequest&, PeerConnection& c) {
    for (const char byte : std::string("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow")) {
      c.write({&byte, 1});
      std::this_thread::sleep_for(milliseconds(5));
    }
  });
  const auto response = makeTransport(slow.url())->send(getRequest(), kPlenty, {});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "slow");
}

// Nothing tells of a peer that lost power: only the silence does.
TEST(CpprestFaults, AWatchOnAHalfOpenConnectionEndsAtTheIdleLimit) {
  LoopbackPeer peer({}, [](const PeerRequest&, PeerConnection& c) {
    c.beginChunked(200);
    c.chunk("then the power went\n");
    c.vanish();
  });
  std::string seen;
  const auto transport = makeTransport(peer.url());
  const Duration took = timeOf([&] {
    const auto response =
        transport->stream(getRequest(), kDeadline, [&](std::string_view b) { seen += b; }, {});
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().kind, ErrorKind::Transient);
  });
  EXPECT_EQ(seen, "then the power went\n");
  EXPECT_GE(took, kDeadline);
  EXPECT_LT(took, seconds(5));
}

TEST(CpprestFaults, AHalfOpenConnectionInThePoolCostsOneRequestAtMost) {
  LoopbackPeer peer({}, [](const PeerRequest& request, PeerConnection& c) {
    c.respond(200, "{}");
    if (request.connection == 1) c.vanish();
  });
  const auto transport = makeTransport(peer.url());
  ASSERT_TRUE(transport->send(getRequest(), kPlenty, {}));
  const auto found = transport->send(getRequest(), kPlenty, {});
  if (!found) {
    EXPECT_EQ(found.error().kind, ErrorKind::Transient);
  }
  const auto after = transport->send(getRequest(), kPlenty, {});
  EXPECT_TRUE(after) << after.error().message;
}

TEST(CpprestFaults, AnImpossibleChunkIsAnError) {
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const std::string size : {"zz", "-5", "ffffffff", "80000000", "fffffffffffffffff", ""}) {
    LoopbackPeer peer({}, [&](const PeerRequest&, PeerConnection& c) {
      c.write(head + size + "\r\nabc\r\n");
      c.cut();
    });
    const auto response = makeTransport(peer.url())->send(getRequest(), kPlenty, {});
    ASSERT_FALSE(response) << "\"" << size << "\": " << response->body;
    EXPECT_EQ(response.error().kind, ErrorKind::Transient) << size;
  }
}

TEST(CpprestFaults, AnAnswerWithoutEndCostsNoMoreMemoryThanItMay) {
  TransportOptions options;
  options.maxBodyBytes = 4U << 20;
  LoopbackPeer endless({}, [](const PeerRequest&, PeerConnection& c) {
    const std::string piece(64U << 10, 'x');
    c.beginChunked(200);
    while (c.chunk(piece)) {
    }
  });
  LoopbackPeer huge({}, [](const PeerRequest&, PeerConnection& c) {
    const std::string piece(64U << 10, 'x');
    c.write("HTTP/1.1 200 OK\r\n\r\n");  // no length: to the end of the connection
    while (c.write(piece)) {
    }
  });
  for (LoopbackPeer* peer : {&endless, &huge}) {
    const PeakMemory memory;
    const auto response = makeTransport(peer->url(), {}, options)->send(getRequest(), kPlenty, {});
    ASSERT_FALSE(response);
    EXPECT_THAT(response.error().message, HasSubstr("too big"));
    EXPECT_TRUE(peer->waitUntilAllClosed());
    EXPECT_LT(memory.growthMiB(), 32U);
  }
}

TEST(CpprestFaults, ManyBrokenConnectionsLeaveNothingBehind) {
  LoopbackPeer peer({}, [](const PeerRequest& request, PeerConnection& c) {
    if (request.target == "/cut") {
      c.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf");
      c.cut();
    } else {
      c.waitUntilClosed();
    }
  });
  const auto transport = makeTransport(peer.url());
  const auto breakSome = [&] {
    for (int i = 0; i < 100; ++i) {
      EXPECT_FALSE(transport->send(getRequest("/cut"), kPlenty, {}));
      EXPECT_FALSE(transport->send(getRequest("/silent"), milliseconds(1), {}));
    }
  };
  breakSome();  // whatever is made once is there now
  const PeakMemory memory;
  for (int i = 0; i < 5; ++i) breakSome();
  EXPECT_LT(memory.growthMiB(), 8U);
  EXPECT_TRUE(peer.waitUntilAllClosed());
}

}  // namespace
}  // namespace vnic::kube
