// SPDX-License-Identifier: Apache-2.0
// Informers over the real HTTP client, against an API server that has its bad days. Time is
// virtual: waits of the code under test take none.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <mutex>
#include <numeric>

#include "cache/informer.h"
#include "kube/connection.h"
#include "support/eventually.h"
#include "support/loopback_peer.h"
#include "support/manual_clock.h"
#include "support/peak_memory.h"
#include "unit/cache/thing.h"

namespace vnic::cache {
namespace {

using namespace std::chrono_literals;
using test::LoopbackPeer;
using test::PeakMemory;
using test::PeerConnection;
using test::PeerRequest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr Duration kPatience = 30s;

std::string page(const std::vector<std::string>& items, const std::string& version,
                 const std::string& token = "") {
  std::string body = R"({"metadata":{"resourceVersion":")" + version + R"(","continue":")" + token +
                     R"("},"items":[)";
  for (std::size_t i = 0; i < items.size(); ++i) body += (i > 0 ? "," : "") + items[i];
  return body + "]}";
}
std::string line(const std::string& type, const std::string& object) {
  return R"({"type":")" + type + R"(","object":)" + object + "}\n";
}
std::string bookmark(const std::string& version, bool ends = false) {
  return line("BOOKMARK",
              R"({"kind":"Thing","metadata":{"resourceVersion":")" + version + "\"" +
                  (ends ? R"(,"annotations":{"k8s.io/initial-events-end":"true"})" : "") + "}}");
}
std::string status(int code, const std::string& reason) {
  return R"({"kind":"Status","status":"Failure","code":)" + std::to_string(code) +
         R"(,"reason":")" + reason + R"(","message":"as the test wants it"})";
}
std::string parameter(const PeerRequest& request, const std::string& name) {
  const auto begin = request.target.find(name + "=");
  if (begin == std::string::npos) return "";
  const auto value = begin + name.size() + 1;
  return request.target.substr(value, request.target.find('&', value) - value);
}

// --- Answers.
using Script = LoopbackPeer::Script;

Script json(int code, std::string body, std::map<std::string, std::string> headers = {}) {
  headers["Content-Type"] = "application/json";
  return [=](const PeerRequest&, PeerConnection& c) { c.respond(code, body, headers); };
}
Script page200(const std::vector<std::string>& items, const std::string& version,
               const std::string& token = "") {
  return json(200, page(items, version, token));
}
// A watch that ends in order after these pieces.
Script stream(std::vector<std::string> pieces) {
  return [=](const PeerRequest&, PeerConnection& c) {
    c.beginChunked(200, {{"Content-Type", "application/json"}});
    for (const std::string& piece : pieces) c.chunk(piece);
    c.endChunked();
  };
}
// One that lives on.
void hold(const PeerRequest&, PeerConnection& c) {
  c.beginChunked(200, {{"Content-Type", "application/json"}});
  c.waitUntilClosed();
}

class ListWatchTest : public ::testing::Test {
 protected:
  // Answers in this order, and holds every request after them.
  void serve(std::vector<Script> answers, ReflectorOptions options = {}) {
    answers_.assign(answers.begin(), answers.end());
    begin(
        [this](const PeerRequest& request, PeerConnection& c) {
          Script answer = hold;
          {
            const std::lock_guard lock(mutex_);
            asked_.push_back(
                request.target.find("watch=true") == std::string::npos
                    ? "list rv=" + parameter(request, "resourceVersion") +
                          " limit=" + parameter(request, "limit")
                    : "watch rv=" + parameter(request, "resourceVersion") +
                          (parameter(request, "sendInitialEvents").empty() ? "" : " all"));
            if (!answers_.empty()) {
              answer = answers_.front();
              answers_.pop_front();
            }
          }
          answer(request, c);
        },
        std::move(options));
  }

  void begin(Script script, ReflectorOptions options) {
    peer_ = std::make_unique<LoopbackPeer>(LoopbackPeer::Options{}, std::move(script));
    kube::ClusterConfig config;
    config.server = peer_->url();
    auto connection = kube::Connection::open(config, clock_, Logger());
    ASSERT_TRUE(connection) << connection.error().message;
    connection_ = std::move(*connection);
    kube::RestOptions rest;
    rest.requestsPerSecond = 0;
    client_ = connection_->makeClient(rest, nullptr, cut_.get_token());
    informer_ = std::make_unique<Informer<Thing>>(std::move(options), *client_, clock_, Logger());
    informer_->start();
  }

  bool eventually(const std::function<bool()>& condition) {
    return test::eventually(kPatience, condition);
  }
  std::vector<std::string> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  std::string colourOf(const std::string& name) {
    const auto object = informer_->store().get({"ns", name});
    return object ? object->colour : "(not there)";
  }
  Duration slept() {
    const auto sleeps = clock_.sleeps();
    return std::accumulate(sleeps.begin(), sleeps.end(), Duration{});
  }

  test::ManualClock clock_;
  std::stop_source cut_;
  std::mutex mutex_;
  std::deque<Script> answers_;
  std::vector<std::string> asked_;
  std::unique_ptr<LoopbackPeer> peer_;
  std::unique_ptr<kube::Connection> connection_;
  std::unique_ptr<kube::Client> client_;
  std::unique_ptr<Informer<Thing>> informer_;
};

struct BadAnswer {
  const char* name;
  Script script;
  Duration waited;      // at least, before the next request
  Duration listWaited;  // the same for a list, which is repeated at once when its connection breaks
};
std::ostream& operator<<(std::ostream& out, const BadAnswer& answer) {
  return out << answer.name;
}

class BadAnswerTest : public ListWatchTest, public ::testing::WithParamInterface<BadAnswer> {};

TEST_P(BadAnswerTest, OfAListCostsAWaitAndTheListComes) {
  serve({GetParam().script, page200({thingJson("a", "1", "red")}, "7")});
  ASSERT_TRUE(informer_->waitForSync(kPatience, {}));
  ASSERT_TRUE(eventually([&] { return asked().size() == 3; }));
  EXPECT_THAT(asked(), ElementsAre("list rv=0 limit=500", "list rv=0 limit=500", "watch rv=7"));
  EXPECT_GE(slept(), GetParam().listWaited);
  EXPECT_EQ(colourOf("a"), "red");
}

TEST_P(BadAnswerTest, OfAWatchCostsAWaitAndTheWatchGoesOnFromWhereItWas) {
  serve({page200({thingJson("a", "1")}, "7"), GetParam().script,
         stream({line("MODIFIED", thingJson("a", "8", "red"))})});
  ASSERT_TRUE(eventually([&] { return asked().size() == 4; }));
  EXPECT_THAT(asked(),
              ElementsAre("list rv=0 limit=500", "watch rv=7", "watch rv=7", "watch rv=8"));
  EXPECT_GE(slept(), GetParam().waited);
  EXPECT_EQ(colourOf("a"), "red");
}

INSTANTIATE_TEST_SUITE_P(
    All, BadAnswerTest,
    ::testing::Values(
        BadAnswer{"TooManyRequests", json(429, status(429, "TooManyRequests")), 1s, 1s},
        BadAnswer{"TooManyRequestsForLong",
                  json(429, status(429, "TooManyRequests"), {{"Retry-After", "90"}}), 90s, 90s},
        BadAnswer{"InternalError", json(500, status(500, "InternalError")), 800ms, 800ms},
        BadAnswer{"Unavailable", json(503, status(503, "ServiceUnavailable")), 800ms, 800ms},
        BadAnswer{"UnavailableForAWhile",
                  json(503, status(503, "ServiceUnavailable"), {{"Retry-After", "5"}}), 5s, 5s},
        BadAnswer{"ProxyPage",
                  [](const PeerRequest&, PeerConnection& c) {
                    c.respond(502, "<html>Bad Gateway</html>", {{"Content-Type", "text/html"}});
                  },
                  800ms, 800ms},
        BadAnswer{"CutInAChunk",
                  [](const PeerRequest&, PeerConnection& c) {
                    c.beginChunked(200);
                    c.write("400\r\n{\"type\":\"ADDED\",\"object\":{");
                    c.cut();
                  },
                  800ms, 0ms},
        BadAnswer{"CutInACharacter",
                  [](const PeerRequest&, PeerConnection& c) {
                    c.beginChunked(200);
                    c.chunk("{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"name\":\"caf\xc3");
                    c.cut();
                  },
                  800ms, 0ms}),
    [](const auto& info) { return std::string(info.param.name); });

TEST_F(ListWatchTest, ACharacterMayComeInTwoPieces) {
  const std::string whole = line("ADDED", thingJson("a", "8", "caf\xc3\xa9"));
  const auto middle = whole.find('\xa9');
  serve({page200({}, "7"), stream({whole.substr(0, middle), whole.substr(middle)})});
  ASSERT_TRUE(eventually([&] { return asked().size() == 3; }));
  EXPECT_EQ(colourOf("a"), "caf\xc3\xa9");
}

TEST_F(ListWatchTest, GoneAsAnAnswerAndInTheStreamListsAgain) {
  serve({page200({thingJson("a", "1"), thingJson("b", "2")}, "7"),
         json(410, status(410, "Expired")), page200({thingJson("a", "9", "red")}, "20"),
         stream({line("ERROR", status(410, "Expired")), line("ADDED", thingJson("late", "21"))}),
         page200({thingJson("a", "30", "blue")}, "31")});
  ASSERT_TRUE(eventually([&] { return asked().size() == 6; }));
  EXPECT_THAT(asked(), ElementsAre("list rv=0 limit=500", "watch rv=7", "list rv=7 limit=",
                                   "watch rv=20", "list rv=20 limit=", "watch rv=31"));
  EXPECT_EQ(colourOf("a"), "blue");
  EXPECT_EQ(informer_->store().size(), 1U);
  EXPECT_THAT(clock_.sleeps(), IsEmpty()) << "410 is ordinary";
}

TEST_F(ListWatchTest, AServerWithoutWatchListIsListed) {
  ReflectorOptions options;
  options.streamInitialList = true;
  serve({json(422, status(422, "Invalid")), page200({thingJson("a", "1", "red")}, "7")}, options);
  ASSERT_TRUE(eventually([&] { return asked().size() == 3; }));
  EXPECT_THAT(asked(), ElementsAre("watch rv= all", "list rv=0 limit=500", "watch rv=7"));
  EXPECT_EQ(colourOf("a"), "red");
}

// A login page instead of the API: 200, and nothing in it.
TEST_F(ListWatchTest, APageOfSomebodyElseIsNotAskedForWithoutAPause) {
  const Script login = [](const PeerRequest&, PeerConnection& c) {
    c.respond(200, "<html>\nPlease\nlog in\n</html>\n", {{"Content-Type", "text/html"}});
  };
  serve({login, login, page200({thingJson("a", "1", "red")}, "7"), login,
         page200({thingJson("a", "2", "blue")}, "8")});
  ASSERT_TRUE(eventually([&] { return asked().size() == 6; }));
  EXPECT_THAT(asked(),
              ElementsAre("list rv=0 limit=500", "list rv=0 limit=500", "list rv=0 limit=500",
                          "watch rv=7", "list rv=7 limit=", "watch rv=8"));
  EXPECT_EQ(clock_.sleeps().size(), 3U);
  EXPECT_EQ(colourOf("a"), "blue");
}

TEST_F(ListWatchTest, AWatchOfFiveDaysNeverListsAgainAndKeepsItsSize) {
  constexpr int kWatches = 1000;  // of five to ten minutes
  std::atomic<int> watches = 0;
  std::atomic<int> lists = 0;
  std::atomic<int> wrongBeginnings = 0;
  std::string version = "7";
  std::atomic<bool> over = false;
  const MonoTime begun = clock_.now();
  PeakMemory memory;
  begin(
      [&](const PeerRequest& request, PeerConnection& c) {
        if (request.target.find("watch=true") == std::string::npos) {
          ++lists;
          return page200({thingJson("a", "1")}, version)(request, c);
        }
        if (parameter(request, "resourceVersion") != version) ++wrongBeginnings;
        if (watches == kWatches) {
          over = true;
          return hold(request, c);
        }
        if (++watches == 10) memory = PeakMemory();  // whatever is made once is there now
        c.beginChunked(200, {{"Content-Type", "application/json"}});
        const int number = watches;
        c.chunk(
            line("MODIFIED", thingJson("a", std::to_string(10 * number), std::to_string(number))));
        version = std::to_string(10 * number + 5);
        c.chunk(bookmark(version));
        clock_.advance(std::chrono::seconds(std::stoi(parameter(request, "timeoutSeconds"))));
        c.endChunked();
      },
      {});
  ASSERT_TRUE(eventually([&] { return over.load(); }));
  EXPECT_GT(clock_.now() - begun, 80h);
  EXPECT_EQ(lists, 1);
  EXPECT_EQ(wrongBeginnings, 0);
  EXPECT_EQ(colourOf("a"), std::to_string(kWatches));
  EXPECT_EQ(peer_->connectionsAccepted(), 1);
  EXPECT_THAT(clock_.sleeps(), IsEmpty());
  EXPECT_LT(memory.growthMiB(), 8U);
}

TEST_F(ListWatchTest, ThousandsOfObjectsComeInPagesWithinBoundedMemory) {
  constexpr int kObjects = 10'000;
  constexpr int kPageSize = 500;
  const std::string colour(1000, 'c');
  std::atomic<int> pages = 0;
  begin(
      [&](const PeerRequest& request, PeerConnection& c) {
        if (request.target.find("watch=true") != std::string::npos) return hold(request, c);
        ++pages;
        const std::string token = parameter(request, "continue");
        const int first = token.empty() ? 0 : std::stoi(token);
        const int end = first + std::stoi(parameter(request, "limit"));
        std::vector<std::string> items;
        for (int i = first; i < end; ++i) {
          items.push_back(thingJson("thing-" + std::to_string(i), std::to_string(i + 1), colour));
        }
        page200(items, "20000", end < kObjects ? std::to_string(end) : "")(request, c);
      },
      {});
  const PeakMemory memory;
  ASSERT_TRUE(informer_->waitForSync(kPatience, {}));
  EXPECT_EQ(informer_->store().size(), static_cast<std::size_t>(kObjects));
  EXPECT_EQ(pages, kObjects / kPageSize);
  // 10 MB of texts: they themselves, their frames and a few pages on their way.
  EXPECT_LT(memory.growthMiB(), 40U);
}

TEST_F(ListWatchTest, ThousandsOfObjectsComeInOneStreamWithinBoundedMemory) {
  constexpr int kObjects = 10'000;
  const std::string colour(1000, 'c');
  ReflectorOptions options;
  options.streamInitialList = true;
  begin(
      [&](const PeerRequest&, PeerConnection& c) {
        c.beginChunked(200, {{"Content-Type", "application/json"}});
        for (int i = 0; i < kObjects; ++i) {
          c.chunk(line("ADDED",
                       thingJson("thing-" + std::to_string(i), std::to_string(i + 1), colour)));
        }
        c.chunk(bookmark("20000", true));
        c.waitUntilClosed();
      },
      options);
  const PeakMemory memory;
  ASSERT_TRUE(informer_->waitForSync(kPatience, {}));
  EXPECT_EQ(informer_->store().size(), static_cast<std::size_t>(kObjects));
  EXPECT_EQ(peer_->requests().size(), 1U);
  EXPECT_LT(memory.growthMiB(), 40U);
}

TEST_F(ListWatchTest, EndsAtOnceInTheMiddleOfAList) {
  const Script silent = [](const PeerRequest&, PeerConnection& c) { c.waitUntilClosed(); };
  serve({silent});
  ASSERT_TRUE(eventually([&] { return asked().size() == 1; }));
  const auto begun = std::chrono::steady_clock::now();
  cut_.request_stop();
  informer_->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 5s);
}

}  // namespace
}  // namespace vnic::cache
