// SPDX-License-Identifier: Apache-2.0
#include "serving/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <list>

#include "unit/serving/raw_client.h"

namespace vnic::serving {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string get(const std::string& path, const std::string& headers = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n";
}

Response echo(const Request& request) {
  if (request.path == "/throw") throw std::runtime_error("a bug");
  return {200, "text/plain", request.method + " " + request.path + " [" + request.body + "]"};
}

class HttpServerTest : public ::testing::Test {
 protected:
  void start(HttpServer::Options options = {}) {
    options.address = "127.0.0.1";
    server = std::make_unique<HttpServer>(options, echo, Logger());
    const Status started = server->start();
    ASSERT_TRUE(started) << started.error().message;
  }
  std::unique_ptr<HttpServer> server;
};

TEST_F(HttpServerTest, AnswersSeveralRequestsOnOneConnection) {
  start();
  RawClient client(server->port());
  client.send(get("/a"));
  EXPECT_THAT(client.read("[]"), AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), EndsWith("GET /a []")));
  client.send("POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody");
  EXPECT_THAT(client.read("]"), EndsWith("POST /b [body]"));
  client.send(get("/c") + get("/d"));  // without waiting for the first answer
  EXPECT_THAT(client.read("/d []"), HasSubstr("/c []"));
  client.send(get("/e", "Connection: close\r\n"));
  std::string rest;
  EXPECT_TRUE(client.closedByServer(&rest));
  EXPECT_THAT(rest, EndsWith("GET /e []"));
}

TEST_F(HttpServerTest, AnswersHeadWithoutABody) {
  start();
  RawClient client(server->port());
  client.send("HEAD /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  std::string answer;
  EXPECT_TRUE(client.closedByServer(&answer));
  EXPECT_THAT(answer, HasSubstr("Content-Length: 10\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

TEST_F(HttpServerTest, AnExceptionInAHandlerIsAnErrorOfThatRequestOnly) {
  start();
  RawClient client(server->port());
  client.send(get("/throw"));
  EXPECT_THAT(client.read("error\n"), AllOf(StartsWith("HTTP/1.1 500"), Not(HasSubstr("a bug"))));
  client.send(get("/a"));
  EXPECT_THAT(client.read("[]"), EndsWith("GET /a []"));
}

TEST_F(HttpServerTest, RefusesAHeaderThatIsTooLargeWithoutReadingItAll) {
  start();
  RawClient client(server->port());
  const std::string huge = get("/a", "X-Filler: " + std::string(64 << 20, 'x') + "\r\n");
  EXPECT_LT(client.send(huge), huge.size());
  EXPECT_TRUE(client.closedByServer());
}

TEST_F(HttpServerTest, SaysThatAHeaderIsTooLarge) {
  start({.headerLimit = 1024});
  RawClient client(server->port());
  client.send(get("/a", "X-Filler: " + std::string(1024, 'x') + "\r\n"));
  EXPECT_THAT(client.read("\r\n"), StartsWith("HTTP/1.1 431"));
}

TEST_F(HttpServerTest, RefusesABodyByItsAnnouncedLengthAlone) {
  start({.bodyLimit = 1000});
  RawClient client(server->port());
  client.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n");
  EXPECT_THAT(client.read("\r\n"), StartsWith("HTTP/1.1 413"));
  RawClient fits(server->port());
  fits.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'x'));
  EXPECT_THAT(fits.read("\r\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, RefusesAChunkedBodyThatGrowsTooLarge) {
  start({.bodyLimit = 1000});
  RawClient client(server->port());
  client.send("POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 3; ++i) client.send("190\r\n" + std::string(400, 'x') + "\r\n");
  EXPECT_THAT(client.read("\r\n"), StartsWith("HTTP/1.1 413"));
}

TEST_F(HttpServerTest, ClosesOnWhatIsNotHttp) {
  start();
  RawClient client(server->port());
  client.send("\x16\x03\x01\x02 this is TLS\r\n\r\n");
  EXPECT_TRUE(client.closedByServer());
}

TEST_F(HttpServerTest, ClosesAClientThatIsSlowWithItsRequest) {
  start({.requestTimeout = 300ms, .idleTimeout = 1min});
  RawClient silent(server->port());
  RawClient halfway(server->port());
  halfway.send("GET /a HTTP/1.1\r\nHost: x\r\nX-");
  RawClient second(server->port());
  second.send(get("/a"));
  second.read("[]");
  second.send("GET /b");  // the second request has no more time than the first
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(silent.closedByServer());
  EXPECT_TRUE(halfway.closedByServer());
  EXPECT_TRUE(second.closedByServer());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 9s);
}

TEST_F(HttpServerTest, ClosesAConnectionThatRestsTooLong) {
  start({.requestTimeout = 1min, .idleTimeout = 200ms});
  RawClient client(server->port());
  client.send(get("/a"));
  client.read("[]");
  EXPECT_TRUE(client.closedByServer());
}

TEST_F(HttpServerTest, ANewConnectionTakesThePlaceOfTheOneThatWaitedLongest) {
  start({.maxConnections = 2});
  std::list<RawClient> kept;
  for (int i = 0; i < 2; ++i) {
    kept.emplace_back(server->port()).send(get("/a"));
    EXPECT_THAT(kept.back().read("[]"), EndsWith("[]"));
  }
  RawClient third(server->port());
  third.send(get("/c"));
  EXPECT_THAT(third.read("[]"), EndsWith("/c []"));
  EXPECT_TRUE(kept.front().closedByServer());
  kept.back().send(get("/b"));
  EXPECT_THAT(kept.back().read("[]"), EndsWith("/b []"));
}

TEST_F(HttpServerTest, RefusesABodyThatDoesNotFitBesideTheOthers) {
  start({.bodyLimit = 1000, .bodyBudget = 1500});
  const std::string head = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n";
  RawClient first(server->port());
  first.send(head + std::string(999, 'x'));
  RawClient small(server->port());
  small.send("POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody");
  EXPECT_THAT(small.read("]"), EndsWith("POST /b [body]"));
  RawClient second(server->port());
  second.send(head);
  EXPECT_THAT(second.read("\r\n"), StartsWith("HTTP/1.1 503"));
  first.send("x");
  EXPECT_THAT(first.read("]"), StartsWith("HTTP/1.1 200"));
  RawClient third(server->port());  // the first one's room is free again
  third.send(head + std::string(1000, 'x'));
  EXPECT_THAT(third.read("]"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, StopClosesEverythingAndFreesThePort) {
  start();
  const std::uint16_t port = server->port();
  RawClient client(port);
  client.send(get("/a"));
  client.read("[]");
  server->stop();
  server->stop();
  EXPECT_TRUE(client.closedByServer());
  EXPECT_THROW(RawClient{port}, std::runtime_error);
  start({.port = port});
}

TEST_F(HttpServerTest, SaysWhyItCannotListen) {
  start();
  HttpServer::Options options;
  options.address = "127.0.0.1";
  options.port = server->port();
  const Status used = HttpServer(options, echo, Logger()).start();
  ASSERT_FALSE(used);
  EXPECT_THAT(used.error().message, HasSubstr("Address already in use"));
  options.address = "localhost";
  const Status wrong = HttpServer(options, echo, Logger()).start();
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().kind, ErrorKind::Invalid);
}

}  // namespace
}  // namespace vnic::serving
