// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <latch>
#include <stdexcept>

#include "component/kube/transport_environment.h"

namespace vnic::kube {
namespace {

using std::chrono::milliseconds;
using test::LoopbackPeer;
using test::PeerConnection;
using test::PeerRequest;
using testing::HasSubstr;

TEST(CpprestStream, DeliversEachPieceWhileTheAnswerIsStillOpen) {
  std::latch delivered(1);
  LoopbackPeer peer({}, [&](const PeerRequest&, PeerConnection& c) {
    c.beginChunked(200);
    c.chunk("first");
    delivered.wait();  // the second piece is sent only after the first one has arrived
    c.chunk("second");
    c.endChunked();
  });
  std::string seen;
  const auto caller = std::this_thread::get_id();
  const auto response = makeTransport(peer.url())
                            ->stream(getRequest(), kPlenty,
                                     [&](std::string_view bytes) {
                                       EXPECT_EQ(std::this_thread::get_id(), caller);
                                       if (seen.empty()) delivered.count_down();
                                       seen += bytes;
                                     },
                                     {});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, "");
  EXPECT_EQ(seen, "firstsecond");
}

TEST(CpprestStream, GivesUpWhenNothingComesForLongerThanTheIdleLimit) {
  LoopbackPeer peer({}, [](const PeerRequest&, PeerConnection& c) {
    c.beginChunked(200);
    c.chunk("then nothing");
    c.waitUntilClosed();
  });
  std::string seen;
  const auto transport = makeTransport(peer.url());
  const auto response = transport->stream(getRequest(), milliseconds(300),
                                          [&](std::string_view bytes) { seen += bytes; }, {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::Transient);
  EXPECT_THAT(response.error().message, HasSubstr("idle"));
  EXPECT_EQ(seen, "then nothing");
  EXPECT_TRUE(peer.waitUntilAllClosed());
}

TEST(CpprestStream, LivesLongerThanTheIdleLimitAsLongAsSomethingComes) {
  constexpr int kPieces = 12;
  LoopbackPeer peer({}, [](const PeerRequest&, PeerConnection& c) {
    c.beginChunked(200);
    for (int i = 0; i < kPieces; ++i) {
      std::this_thread::sleep_for(milliseconds(100));
      c.chunk("x");
    }
    c.endChunked();
  });
  std::string seen;
  const auto begin = std::chrono::steady_clock::now();
  const auto response = makeTransport(peer.url())
                            ->stream(getRequest(), milliseconds(900),
                                     [&](std::string_view bytes) { seen += bytes; }, {});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(seen, std::string(kPieces, 'x'));
  EXPECT_GT(std::chrono::steady_clock::now() - begin, milliseconds(900));
}

TEST(CpprestStream, StopsWhenToldAndClosesTheConnection) {
  LoopbackPeer peer({}, [](const PeerRequest&, PeerConnection& c) {
    c.beginChunked(200);
    c.chunk("x");
    c.waitUntilClosed();
  });
  const auto transport = makeTransport(peer.url());
  std::stop_source stop;
  const auto response = transport->stream(
      getRequest(), kPlenty, [&](std::string_view) { stop.request_stop(); }, stop.get_token());
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::Cancelled);
  EXPECT_TRUE(peer.waitUntilAllClosed());
}

TEST(CpprestStream, AnErrorStatusComesBackWithItsBodyAndNotAsPieces) {
  LoopbackPeer peer({}, [](const PeerRequest&, PeerConnection& c) {
    c.respond(410, R"({"kind":"Status","code":410})");
  });
  const auto response =
      makeTransport(peer.url())
          ->stream(getRequest(), kPlenty, [](std::string_view) { FAIL() << "not a stream"; }, {});
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 410);
  EXPECT_EQ(response->body, R"({"kind":"Status","code":410})");
}

TEST(CpprestStream, ACutStreamIsAnErrorAfterWhatHadArrived) {
  LoopbackPeer peer({}, [](const PeerRequest&, PeerConnection& c) {
    c.beginChunked(200);
    c.chunk("{\"type\":\"ADDED\"}\n");
    c.cut();
  });
  std::string seen;
  const auto response =
      makeTransport(peer.url())
          ->stream(getRequest(), kPlenty, [&](std::string_view bytes) { seen += bytes; }, {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::Transient);
  EXPECT_EQ(seen, "{\"type\":\"ADDED\"}\n");
}

// A handler that is slow has to slow the server down, not to fill our memory.
TEST(CpprestStream, ASlowHandlerHoldsTheServerBack) {
  constexpr std::size_t kTotal = 64U << 20;
  LoopbackPeer peer({}, [](const PeerRequest&, PeerConnection& c) {
    c.beginChunked(200);
    const std::string piece(64U << 10, 'x');
    for (std::size_t sent = 0; sent < kTotal && c.chunk(piece); sent += piece.size()) {
    }
    c.endChunked();
  });
  TransportOptions options;
  options.streamWindowBytes = 256U << 10;
  std::size_t seen = 0;
  bool stalled = false;
  const auto response = makeTransport(peer.url(), {}, options)
                            ->stream(getRequest(), kPlenty,
                                     [&](std::string_view bytes) {
                                       seen += bytes.size();
                                       if (std::exchange(stalled, true)) return;
                                       // Until the peer cannot write any more: then all the buffers
                                       // in between are full.
                                       std::size_t before = 0;
                                       do {
                                         before = peer.bytesWritten();
                                         std::this_thread::sleep_for(milliseconds(300));
                                       } while (peer.bytesWritten() != before);
                                       EXPECT_LT(before, kTotal / 2);
                                     },
                                     {});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(seen, kTotal);
}

TEST(CpprestStream, AHandlerThatThrowsEndsTheRequest) {
  LoopbackPeer peer({}, [](const PeerRequest&, PeerConnection& c) {
    c.beginChunked(200);
    while (c.chunk(std::string(1000, 'x'))) {
    }
  });
  const auto transport = makeTransport(peer.url());
  EXPECT_THROW(static_cast<void>(transport->stream(
                   getRequest(), kPlenty,
                   [](std::string_view) { throw std::runtime_error("handler"); }, {})),
               std::runtime_error);
  EXPECT_TRUE(peer.waitUntilAllClosed());
}

}  // namespace
}  // namespace vnic::kube
