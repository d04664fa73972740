// SPDX-License-Identifier: Apache-2.0
#include "kube/http_exchange.h"

#include <gtest/gtest.h>

namespace vnic::kube {
namespace {

using Step = HttpExchange::Step;

struct Fixture : testing::Test {
  Step next() { return exchange.next({}, std::chrono::steady_clock::now(), bytes); }
  void put(std::string_view text) {
    exchange.put(text, [this](bool more) { (more ? resumed : refused) += 1; });
  }

  HttpExchange exchange{10};
  std::string bytes;
  int resumed = 0;
  int refused = 0;
};

using HttpExchangeTest = Fixture;

TEST_F(HttpExchangeTest, GivesTheHeadBeforeTheBytesAndTheEndLast) {
  put("abc");  // the library's threads may be faster with the body than with the head
  EXPECT_EQ(next(), Step::TimedOut);
  exchange.head({200, {}, ""});
  exchange.end(std::nullopt);
  EXPECT_EQ(next(), Step::Head);
  EXPECT_EQ(next(), Step::Bytes);
  EXPECT_EQ(bytes, "abc");
  EXPECT_EQ(next(), Step::End);
  EXPECT_TRUE(exchange.complete());
}

TEST_F(HttpExchangeTest, AnEndWithoutAHeadIsIncomplete) {
  exchange.end("connection refused");
  EXPECT_EQ(next(), Step::End);
  EXPECT_FALSE(exchange.complete());
  EXPECT_EQ(exchange.failure(), "connection refused");
}

TEST_F(HttpExchangeTest, AFailureAfterBytesIsIncomplete) {
  exchange.head({200, {}, ""});
  put("half");
  exchange.end("reset");
  EXPECT_EQ(next(), Step::Head);
  EXPECT_EQ(next(), Step::Bytes);
  EXPECT_EQ(next(), Step::End);
  EXPECT_FALSE(exchange.complete());
}

TEST_F(HttpExchangeTest, AsksForMoreOnlyWhileTheWindowIsOpen) {
  exchange.head({200, {}, ""});
  put("12345");
  EXPECT_EQ(resumed, 1);
  put("67890");
  EXPECT_EQ(resumed, 1) << "the window is full";
  EXPECT_EQ(next(), Step::Head);
  EXPECT_EQ(resumed, 1);
  EXPECT_EQ(next(), Step::Bytes);
  EXPECT_EQ(bytes, "1234567890");
  EXPECT_EQ(resumed, 2);
}

TEST_F(HttpExchangeTest, WhoWaitsForRoomIsToldThatTheReaderLeft) {
  exchange.head({200, {}, ""});
  put("1234567890");
  EXPECT_TRUE(exchange.abandon());
  EXPECT_EQ(refused, 1);
  put("x");
  EXPECT_EQ(refused, 2);
}

TEST_F(HttpExchangeTest, LeavingAFinishedRequestCancelsNothing) {
  exchange.head({200, {}, ""});
  exchange.end(std::nullopt);
  EXPECT_FALSE(exchange.abandon());
}

TEST_F(HttpExchangeTest, AStopIsSeenBeforeAnythingElse) {
  exchange.head({200, {}, ""});
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(exchange.next(stop.get_token(), MonoTime::max(), bytes), Step::Stopped);
}

}  // namespace
}  // namespace vnic::kube
