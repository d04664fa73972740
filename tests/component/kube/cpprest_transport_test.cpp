// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <vector>

#include "component/kube/transport_environment.h"

namespace vnic::kube {
namespace {

using std::chrono::milliseconds;
using test::LoopbackPeer;
using test::PeerConnection;
using test::PeerRequest;
using testing::HasSubstr;

TEST(CpprestTransport, SendsTheRequestAsItIsAndBringsTheAnswerBack) {
  LoopbackPeer peer({}, [](const PeerRequest&, PeerConnection& connection) {
    connection.respond(201, R"({"a":1})", {{"X-Mixed-Case", "kept"}});
  });
  const auto transport = makeTransport(peer.url());
  const auto response = transport->send(
      {"PATCH",
       "/apis/vnic.dev/v1alpha1/vnics/a?labelSelector=a%3Db%2Cc%20d&force=true",
       {{"Content-Type", "application/merge-patch+json"}, {"Authorization", "Bearer t"}},
       R"({"x":"é"})"},
      kPlenty, {});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 201);
  EXPECT_EQ(response->body, R"({"a":1})");
  EXPECT_EQ(response->headers.at("x-mixed-case"), "kept");
  ASSERT_EQ(peer.requests().size(), 1U);
  const PeerRequest seen = peer.requests()[0];
  EXPECT_EQ(seen.method, "PATCH");
  EXPECT_EQ(seen.target, "/apis/vnic.dev/v1alpha1/vnics/a?labelSelector=a%3Db%2Cc%20d&force=true");
  EXPECT_EQ(seen.headers.at("content-type"), "application/merge-patch+json");
  EXPECT_EQ(seen.headers.at("authorization"), "Bearer t");
  EXPECT_EQ(seen.body, R"({"x":"é"})");
}

TEST(CpprestTransport, KeepsThePathOfTheServersUrl) {
  LoopbackPeer peer({}, [](const PeerRequest&, PeerConnection& c) { c.respond(200, "{}"); });
  const auto transport = makeTransport(peer.url() + "/k8s/clusters/c-1");
  ASSERT_TRUE(transport->send(getRequest("/api/v1/nodes?limit=5"), kPlenty, {}));
  EXPECT_EQ(peer.requests().at(0).target, "/k8s/clusters/c-1/api/v1/nodes?limit=5");
}

TEST(CpprestTransport, UsesOneConnectionForRequestsInARow) {
  LoopbackPeer peer({}, [](const PeerRequest&, PeerConnection& c) { c.respond(200, "{}"); });
  const auto transport = makeTransport(peer.url());
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(transport->send(getRequest(), kPlenty, {}));
  EXPECT_EQ(peer.connectionsAccepted(), 1);
}

TEST(CpprestTransport, ReachesAnIPv6Address) {
  LoopbackPeer peer({.certificate = {}, .clientCaPem = "", .address = "::1"},
                    [](const PeerRequest&, PeerConnection& c) { c.respond(200, "six"); });
  const auto response = makeTransport(peer.url())->send(getRequest(), kPlenty, {});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "six");
}

TEST(CpprestTransport, AnErrorStatusIsAnAnswer) {
  LoopbackPeer peer({}, [](const PeerRequest&, PeerConnection& c) {
    c.respond(429, "<html>slow down</html>", {{"Retry-After", "7"}, {"Content-Type", "text/html"}});
  });
  const auto response = makeTransport(peer.url())->send(getRequest(), kPlenty, {});
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 429);
  EXPECT_EQ(response->headers.at("retry-after"), "7");
  EXPECT_EQ(response->body, "<html>slow down</html>");
}

TEST(CpprestTransport, DoesNotFollowRedirects) {
  LoopbackPeer elsewhere({}, [](const PeerRequest&, PeerConnection& c) { c.respond(200, "{}"); });
  LoopbackPeer peer({}, [&](const PeerRequest&, PeerConnection& c) {
    c.respond(302, "", {{"Location", elsewhere.url() + "/stolen"}});
  });
  HttpRequest request = getRequest();
  request.headers["Authorization"] = "Bearer secret";
  const auto response = makeTransport(peer.url())->send(request, kPlenty, {});
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 302);
  EXPECT_EQ(elsewhere.connectionsAccepted(), 0);
}

TEST(CpprestTransport, ASilentServerCostsTheDeadlineAndTheConnection) {
  LoopbackPeer peer({}, [](const PeerRequest&, PeerConnection& c) { c.waitUntilClosed(); });
  const auto transport = makeTransport(peer.url());
  const auto response = transport->send(getRequest(), milliseconds(200), {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::Transient);
  EXPECT_THAT(response.error().message, HasSubstr("deadline"));
  EXPECT_TRUE(peer.waitUntilAllClosed());
}

// An inactivity limit would never end this one.
TEST(CpprestTransport, TheDeadlineIsForTheWholeAnswerHoweverBusyTheServerIs) {
  LoopbackPeer peer({}, [](const PeerRequest&, PeerConnection& c) {
    c.beginChunked(200);
    while (c.chunk(".")) std::this_thread::sleep_for(milliseconds(10));
  });
  const auto transport = makeTransport(peer.url());
  const auto response = transport->send(getRequest(), milliseconds(300), {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::Transient);
  EXPECT_TRUE(peer.waitUntilAllClosed());
}

TEST(CpprestTransport, AnAnswerThatIsCutIsNoAnswer) {
  const auto cases = std::vector<LoopbackPeer::Script>{
      [](const PeerRequest&, PeerConnection& c) {  // within a chunk
        c.beginChunked(200);
        c.write("40\r\n{\"half\":");
        c.cut();
      },
      [](const PeerRequest&, PeerConnection& c) {  // between chunks
        c.beginChunked(200);
        c.chunk("{\"items\":[");
        c.cut();
      },
      [](const PeerRequest&, PeerConnection& c) {  // before the announced length
        c.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"items\":[");
        c.cut();
      },
      [](const PeerRequest&, PeerConnection& c) {  // within the headers
        c.write("HTTP/1.1 200 OK\r\nContent-Le");
        c.cut();
      },
      [](const PeerRequest&, PeerConnection& c) {  // not HTTP at all
        c.write("220 mail.example ESMTP\r\n\r\n");
        c.cut();
      },
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    LoopbackPeer peer({}, cases[i]);
    const auto response = makeTransport(peer.url())->send(getRequest(), kPlenty, {});
    ASSERT_FALSE(response) << "case " << i << ": HTTP " << response->status << response->body;
    EXPECT_EQ(response.error().kind, ErrorKind::Transient) << "case " << i;
  }
}

TEST(CpprestTransport, RefusesAnAnswerThatIsTooBig) {
  TransportOptions options;
  options.maxBodyBytes = 1000;
  LoopbackPeer announced({}, [](const PeerRequest&, PeerConnection& c) {
    c.write("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n");
    c.waitUntilClosed();
  });
  LoopbackPeer endless({}, [](const PeerRequest&, PeerConnection& c) {
    c.beginChunked(200);
    while (c.chunk(std::string(500, 'x'))) {
    }
  });
  for (LoopbackPeer* peer : {&announced, &endless}) {
    const auto response = makeTransport(peer->url(), {}, options)->send(getRequest(), kPlenty, {});
    ASSERT_FALSE(response);
    EXPECT_THAT(response.error().message, HasSubstr("too big"));
    EXPECT_TRUE(peer->waitUntilAllClosed());
  }
  LoopbackPeer fits(
      {}, [](const PeerRequest&, PeerConnection& c) { c.respond(200, std::string(1000, 'x')); });
  EXPECT_TRUE(makeTransport(fits.url(), {}, options)->send(getRequest(), kPlenty, {}));
}

// What an API server's restart looks like. The request that finds out may fail, the one after it
// not.
TEST(CpprestTransport, APooledConnectionThatTheServerClosedCostsOneRequestAtMost) {
  LoopbackPeer peer({}, [](const PeerRequest&, PeerConnection& c) {
    c.respond(200, "{}");
    c.cut();
  });
  const auto transport = makeTransport(peer.url());
  const HttpRequest request{"POST", "/x", {}, R"({"n":1})"};
  for (int i = 0; i < 20; ++i) {
    auto response = transport->send(request, kPlenty, {});
    if (!response) {
      EXPECT_EQ(response.error().kind, ErrorKind::Transient);
      response = transport->send(request, kPlenty, {});
    }
    ASSERT_TRUE(response) << response.error().message;
    ASSERT_TRUE(peer.waitUntilAllClosed());
  }
  for (const PeerRequest& seen : peer.requests()) EXPECT_EQ(seen.body, R"({"n":1})");
}

TEST(CpprestTransport, AServerThatIsNotThereIsTransient) {
  std::string url;
  {
    LoopbackPeer gone({}, [](const PeerRequest&, PeerConnection&) {});
    url = gone.url();
  }
  const auto response = makeTransport(url)->send(getRequest(), kPlenty, {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::Transient);
  EXPECT_THAT(response.error().message, HasSubstr("127.0.0.1"));
}

TEST(CpprestTransport, ManySlowRequestsDoNotBlockAQuickOne) {
  LoopbackPeer peer({}, [](const PeerRequest& request, PeerConnection& c) {
    if (request.target == "/slow") return c.waitUntilClosed();
    c.respond(200, "quick");
  });
  const auto transport = makeTransport(peer.url());
  std::stop_source stop;
  std::vector<std::future<Result<HttpResponse>>> slow;
  for (int i = 0; i < 12; ++i) {
    slow.push_back(std::async(std::launch::async, [&] {
      return transport->stream(
          getRequest("/slow"), kPlenty, [](std::string_view) {}, stop.get_token());
    }));
  }
  while (peer.requests().size() < 12) std::this_thread::sleep_for(milliseconds(5));
  const auto quick = transport->send(getRequest("/quick"), kPlenty, {});
  ASSERT_TRUE(quick) << quick.error().message;
  EXPECT_EQ(quick->body, "quick");
  stop.request_stop();
  for (auto& result : slow) EXPECT_EQ(result.get().error().kind, ErrorKind::Cancelled);
}

TEST(CpprestTransport, RefusesWhatIsNoUrl) {
  for (const char* url : {"", "api.example:6443", "ftp://a.example", "https://", "https://a b/"}) {
    const auto transport = CpprestTransport::create(url, [] { return nullptr; });
    ASSERT_FALSE(transport) << url;
    EXPECT_EQ(transport.error().kind, ErrorKind::Invalid) << url;
  }
}

TEST(CpprestTransport, ThreadsCanOnlyBeSetBeforeTheFirstUse) {
  const Status again = initializeTransportThreads(8);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::Terminal);
}

}  // namespace
}  // namespace vnic::kube
