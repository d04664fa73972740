// SPDX-License-Identifier: Apache-2.0
// Strangers who mean no good, against the server behind /healthz, /metrics and the webhook:
// whatever they do, a probe is answered in time and memory stays what it is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <list>
#include <thread>

#include "serving/http_server.h"
#include "support/peak_memory.h"
#include "unit/serving/raw_client.h"

namespace vnic::serving {
namespace {

using namespace std::chrono_literals;
using test::PeakMemory;
using ::testing::HasSubstr;

constexpr std::size_t kResponseBytes = 512 * 1024;

Response answer(const Request& request) {
  if (request.path == "/metrics") return {200, "text/plain", std::string(kResponseBytes, 'm')};
  return {200, "text/plain", "ok"};
}

class AbuseTest : public ::testing::Test {
 protected:
  void start(HttpServer::Options options = {}) {
    options.address = "127.0.0.1";
    server_ = std::make_unique<HttpServer>(options, answer, Logger());
    const Status started = server_->start();
    ASSERT_TRUE(started) << started.error().message;
  }
  std::uint16_t port() const { return server_->port(); }

  // A kubelet's probe gives up after one second; a machine that builds meanwhile may take five.
  bool probe() {
    const auto begun = std::chrono::steady_clock::now();
    RawClient client(port());
    client.send("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    const std::string text = client.read("ok");
    return text.starts_with("HTTP/1.1 200") && std::chrono::steady_clock::now() - begun < 5s;
  }

  std::unique_ptr<HttpServer> server_;
};

TEST_F(AbuseTest, ASlowLorisKeepsNobodyOut) {
  start({.maxConnections = 32});
  const PeakMemory memory;
  std::list<RawClient> lorises;
  int probes = 0;
  // Far more connections than there is room for, each with a byte now and then.
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 10; ++i) {
      lorises.emplace_back(port()).send("GET / HTTP/1.1\r\nX-Slow: ");
    }
    for (RawClient& loris : lorises) loris.send("x");
    if (probe()) ++probes;
  }
  EXPECT_EQ(probes, 20);
  EXPECT_LT(memory.growthMiB(), 16U);
}

TEST_F(AbuseTest, ConnectionsThatSayNothingKeepNobodyOut) {
  start({.maxConnections = 32});
  const PeakMemory memory;
  std::list<RawClient> silent;
  for (int i = 0; i < 400; ++i) silent.emplace_back(port());
  EXPECT_TRUE(probe());
  EXPECT_LT(memory.growthMiB(), 16U);
}

TEST_F(AbuseTest, HugeHeadersFromManyCostNothing) {
  start();
  const PeakMemory memory;
  const std::string piece(64 * 1024, 'x');
  std::vector<std::jthread> senders;
  for (int i = 0; i < 8; ++i) {
    senders.emplace_back([&] {
      RawClient client(port());
      client.send("GET / HTTP/1.1\r\nX-Filler: ");
      for (int sent = 0; sent < 1000 && client.send(piece) == piece.size(); ++sent) {
      }
    });
  }
  senders.clear();
  EXPECT_TRUE(probe());
  EXPECT_LT(memory.growthMiB(), 16U);
}

TEST_F(AbuseTest, BodiesOfManyStayWithinTheBudget) {
  start({.bodyLimit = 3U << 20, .bodyBudget = 16U << 20, .maxConnections = 128});
  const PeakMemory memory;
  const std::string most((3U << 20) - 1, 'b');
  std::list<RawClient> clients;
  for (int i = 0; i < 40; ++i) {  // 120 MiB
    clients.emplace_back(port()).send(
        "POST /validate HTTP/1.1\r\nHost: x\r\nContent-Length: 3145728\r\n\r\n");
    clients.back().send(most);
  }
  EXPECT_TRUE(probe());
  EXPECT_THAT(clients.back().read("\r\n"), HasSubstr("503"));
  clients.front().send("b");
  EXPECT_THAT(clients.front().read("\r\n"), HasSubstr("200")) << "who was first is served";
  // The budget twice, as a body grows by copying; and this test's own text.
  EXPECT_LT(memory.growthMiB(), 16U * 2 + 8);
}

// Chunk extensions are in no body and in no header.
TEST_F(AbuseTest, AFrameOfAChunkWithoutEndIsCutOff) {
  start();
  const PeakMemory memory;
  RawClient client(port());
  client.send("POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;");
  const std::string piece(64 * 1024, 'x');
  int sent = 0;
  while (sent < 1000 && client.send(piece) == piece.size()) ++sent;
  EXPECT_LT(sent, 1000) << "64 MB of nothing were read";
  EXPECT_TRUE(client.closedByServer());
  EXPECT_TRUE(probe());
  EXPECT_LT(memory.growthMiB(), 8U);
}

TEST_F(AbuseTest, ClientsThatDoNotTakeTheirAnswersAreCutOffAndKeepNobodyOut) {
  start({.requestTimeout = 100ms, .maxConnections = 16});
  const PeakMemory memory;
  std::list<RawClient> readers;
  for (int i = 0; i < 100; ++i) {
    // Many requests at once: no kernel's buffer takes all of the answers.
    std::string requests;
    for (int n = 0; n < 20; ++n) requests += "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
    readers.emplace_back(port()).send(requests);
  }
  EXPECT_TRUE(probe());
  EXPECT_LT(memory.growthMiB(), 16 * 2 * kResponseBytes / (1U << 20) + 16);
  std::this_thread::sleep_for(2s);  // the time that they have is over by then
  std::string taken;
  EXPECT_TRUE(readers.back().closedByServer(&taken));
  EXPECT_LT(taken.size(), 20 * kResponseBytes);
}

}  // namespace
}  // namespace vnic::serving
