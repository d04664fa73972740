// SPDX-License-Identifier: Apache-2.0
#include "kube/rest_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/manual_clock.h"
#include "unit/kube/scripted_transport.h"

namespace vnic::kube {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr api::ResourceType kVnics{"vnic.dev", "v1alpha1", "vnics", "Vnic", true};
constexpr api::ResourceType kHosts{"vnic.dev", "v1alpha1", "vmhosts", "VmHost", false};
const api::ObjectKey kKey{"team-a", "db-1"};
const json kVnic{{"metadata", {{"namespace", "team-a"}, {"name", "db-1"}}}};

struct Recorder : RequestObserver {
  void requestDone(std::string_view method, std::string_view code, std::string_view host,
                   Duration) override {
    done.push_back(std::string(method) + " " + std::string(code) + " " + std::string(host));
  }
  void requestRetried(std::string_view, std::string_view, std::string_view) override { ++retried; }
  void rateLimited(std::string_view, std::string_view, Duration waited) override {
    limited += waited;
  }
  std::vector<std::string> done;
  int retried = 0;
  Duration limited{};
};

class RestClientTest : public testing::Test {
 protected:
  RestClientTest() {
    ClusterConfig config;
    config.token = "t";
    credentials_ = std::move(*Credentials::open(config, clock_, Logger()));
    make({});
  }
  void make(RestOptions options) {
    client_ = std::make_unique<RestClient>(transport_, *credentials_, clock_, Logger(),
                                           std::move(options), "api:6443", &recorder_);
  }
  std::string targetOf(std::size_t i = 0) const { return transport_.requests.at(i).path; }

  ScriptedTransport transport_;
  test::ManualClock clock_;
  Recorder recorder_;
  std::unique_ptr<Credentials> credentials_;
  std::unique_ptr<RestClient> client_;
};

TEST_F(RestClientTest, EachVerbIsTheRequestThatTheApiKnows) {
  for (int i = 0; i < 8; ++i) transport_.answer(200);
  ASSERT_TRUE(client_->get(kVnics, kKey));
  ASSERT_TRUE(client_->list(kVnics, {.ns = "",
                                     .labelSelector = "a=b",
                                     .fieldSelector = "",
                                     .limit = 500,
                                     .continueToken = "x==",
                                     .resourceVersion = "",
                                     .resourceVersionMatch = ""}));
  ASSERT_TRUE(client_->create(kVnics, kVnic));
  ASSERT_TRUE(client_->update(kVnics, kVnic));
  ASSERT_TRUE(client_->patch(kVnics, kKey, PatchType::Json, json::array()));
  ASSERT_TRUE(client_->patch(kVnics, kKey, PatchType::Merge, json::object(), "status"));
  ASSERT_TRUE(client_->apply(kVnics, kVnic, {"agent", true, "status"}));
  ASSERT_TRUE(client_->remove(kVnics, kKey, {"u-1", "77"}));

  const std::string one = "/apis/vnic.dev/v1alpha1/namespaces/team-a/vnics/db-1";
  std::vector<std::string> seen;
  for (const HttpRequest& request : transport_.requests) {
    const auto type = request.headers.find("Content-Type");
    seen.push_back(request.method + " " + request.path + " " +
                   (type == request.headers.end() ? "" : type->second));
    EXPECT_EQ(request.headers.at("Authorization"), "Bearer t");
    EXPECT_EQ(request.headers.at("Accept"), "application/json");
    EXPECT_THAT(request.headers.at("User-Agent"), HasSubstr("vnic-operator"));
  }
  EXPECT_THAT(
      seen,
      ElementsAre(
          "GET " + one + " ",
          "GET /apis/vnic.dev/v1alpha1/vnics?labelSelector=a%3Db&limit=500&continue=x%3D%3D ",
          "POST /apis/vnic.dev/v1alpha1/namespaces/team-a/vnics?fieldManager=vnic-operator "
          "application/json",
          "PUT " + one + "?fieldManager=vnic-operator application/json",
          "PATCH " + one + "?fieldManager=vnic-operator application/json-patch+json",
          "PATCH " + one + "/status?fieldManager=vnic-operator application/merge-patch+json",
          "PATCH " + one + "/status?fieldManager=agent&force=true application/apply-patch+yaml",
          "DELETE " + one + " application/json"));
  EXPECT_EQ(json::parse(transport_.requests.back().body)["preconditions"],
            json({{"uid", "u-1"}, {"resourceVersion", "77"}}));
}

TEST_F(RestClientTest, AWatchAsksForBookmarksAndForInitialEventsWithTheirMatch) {
  transport_.answer(200, "{\"type\":\"ADDED\"}\n");
  transport_.answer(200, "");
  std::vector<std::string> lines;
  const auto collect = [&](std::string_view line) { lines.emplace_back(line); };
  EXPECT_TRUE(client_->watch(kHosts, {}, collect, {}));
  WatchOptions initial;
  initial.sendInitialEvents = true;
  EXPECT_TRUE(client_->watch(kHosts, initial, collect, {}));
  EXPECT_THAT(lines, ElementsAre("{\"type\":\"ADDED\"}"));
  EXPECT_EQ(
      targetOf(0),
      "/apis/vnic.dev/v1alpha1/vmhosts?watch=true&allowWatchBookmarks=true&timeoutSeconds=300");
  EXPECT_THAT(targetOf(1), HasSubstr("sendInitialEvents=true&resourceVersionMatch=NotOlderThan"));
  EXPECT_LT(transport_.limits[0], seconds(300)) << "idle beyond two bookmarks is a dead connection";
  EXPECT_GT(transport_.limits[0], seconds(120));
}

TEST_F(RestClientTest, WhatHasNoFullNameIsRefusedBeforeItHitsSomethingElse) {
  EXPECT_EQ(client_->get(kVnics, {"", "db-1"}).error().kind, ErrorKind::Invalid);
  EXPECT_EQ(client_->get(kHosts, {"", ""}).error().kind, ErrorKind::Invalid);
  EXPECT_EQ(client_->remove(kHosts, {"", ""}, {}).error().kind, ErrorKind::Invalid);
  EXPECT_EQ(client_->remove(kVnics, {"", "db-1"}, {}).error().kind, ErrorKind::Invalid);
  EXPECT_EQ(client_->create(kVnics, {{"metadata", {{"name", "a"}}}}).error().kind,
            ErrorKind::Invalid);
  EXPECT_EQ(client_->update(kHosts, json::object()).error().kind, ErrorKind::Invalid);
  EXPECT_THAT(transport_.requests, IsEmpty());
}

TEST_F(RestClientTest, TooManyRequestsIsRepeatedForEveryVerbAfterTheTimeAskedFor) {
  transport_.answer(429, "", {{"retry-after", "3"}});
  transport_.answer(429);
  transport_.answer(201);
  EXPECT_TRUE(client_->create(kVnics, kVnic));
  EXPECT_THAT(clock_.sleeps(), ElementsAre(seconds(3), seconds(1)));
  EXPECT_EQ(recorder_.retried, 2);
  EXPECT_THAT(recorder_.done,
              ElementsAre("POST 429 api:6443", "POST 429 api:6443", "POST 201 api:6443"));
}

TEST_F(RestClientTest, AServersFailureIsRepeatedOnlyWhenItAsksForItAndNeverACreate) {
  transport_.answer(503, "", {{"retry-after", "1"}});
  transport_.answer(200);
  EXPECT_TRUE(client_->update(kVnics, kVnic));

  transport_.answer(503);
  EXPECT_EQ(client_->update(kVnics, kVnic).error().code, 503);
  transport_.answer(503, "", {{"retry-after", "1"}});
  EXPECT_EQ(client_->create(kVnics, kVnic).error().code, 503) << "it may have been created";
  EXPECT_EQ(transport_.requests.size(), 4U);
}

TEST_F(RestClientTest, WaitsAreBoundedInNumberAndInSum) {
  for (int i = 0; i < 100; ++i) transport_.answer(429, "", {{"retry-after", "1"}});
  const auto answer = client_->get(kVnics, kKey);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::Transient);
  EXPECT_EQ(transport_.requests.size(), 11U);

  ScriptedTransport longWait;
  longWait.answer(429, "", {{"retry-after", "600"}});
  RestClient other(longWait, *credentials_, clock_, Logger(), {}, "api:6443", nullptr);
  const auto refused = other.get(kVnics, kKey);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().retryAfterSeconds, 600)
      << "the caller's queue has to wait, not a worker";
  EXPECT_EQ(longWait.requests.size(), 1U);
}

TEST_F(RestClientTest, AReadIsRepeatedOnceWhenItsConnectionBreaksAWriteIsNot) {
  transport_.answer(fail(Error::transient("reset")));
  transport_.answer(200);
  EXPECT_TRUE(client_->get(kVnics, kKey));
  transport_.answer(fail(Error::transient("reset")));
  transport_.answer(200);
  EXPECT_FALSE(client_->create(kVnics, kVnic));
  EXPECT_EQ(transport_.requests.size(), 3U);
  EXPECT_EQ(recorder_.done.back(), "POST <error> api:6443");
}

TEST_F(RestClientTest, AnswersBecomeErrorsThatNameTheRequest) {
  transport_.answer(404, R"({"kind":"Status","message":"vnics \"db-1\" not found","code":404})");
  const auto answer = client_->get(kVnics, kKey);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::NotFound);
  EXPECT_THAT(answer.error().message, HasSubstr("get vnics team-a/db-1"));
}

TEST_F(RestClientTest, ItsOwnRateIsLimitedAcrossVerbs) {
  RestOptions options;
  options.requestsPerSecond = 10;
  options.burst = 2;
  make(options);
  for (int i = 0; i < 4; ++i) {
    transport_.answer(200);
    ASSERT_TRUE(client_->get(kVnics, kKey));
  }
  EXPECT_EQ(recorder_.limited, std::chrono::milliseconds(200));
}

TEST_F(RestClientTest, AStoppedWatchIsCancelledBeforeItsRequest) {
  RestOptions options;
  options.requestsPerSecond = 1;
  options.burst = 1;
  make(options);
  transport_.answer(200);
  ASSERT_TRUE(client_->get(kVnics, kKey));
  std::stop_source stop;
  stop.request_stop();
  const Status watched = client_->watch(
      kVnics, {}, [](std::string_view) {}, stop.get_token());
  ASSERT_FALSE(watched);
  EXPECT_EQ(watched.error().kind, ErrorKind::Cancelled);
  EXPECT_EQ(transport_.requests.size(), 1U);
}

TEST_F(RestClientTest, ItsOwnerCanEndEverythingAtOnce) {
  std::stop_source stop;
  RestClient client(transport_, *credentials_, clock_, Logger(), {}, "api:6443", nullptr,
                    stop.get_token());
  transport_.answer(429, "", {{"retry-after", "9"}});
  transport_.onRequest = [&] { stop.request_stop(); };
  const auto waiting = client.get(kVnics, kKey);
  ASSERT_FALSE(waiting);
  EXPECT_EQ(waiting.error().kind, ErrorKind::Cancelled);
  EXPECT_THAT(clock_.sleeps(), IsEmpty()) << "nine seconds of a shutdown";
  EXPECT_EQ(client.create(kVnics, kVnic).error().kind, ErrorKind::Cancelled);
  EXPECT_EQ(client.watch(kVnics, {}, [](std::string_view) {}, {}).error().kind,
            ErrorKind::Cancelled);
  EXPECT_EQ(transport_.requests.size(), 1U) << "nothing begins any more";
}

TEST_F(RestClientTest, ASuccessThatIsNotJsonIsSomebodyElsesAnswer) {
  transport_.answer(200, "<html>Please log in</html>", {{"content-type", "text/html"}});
  const auto answer = client_->list(kVnics, {});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::Transient);
  EXPECT_THAT(answer.error().message, HasSubstr("text/html"));
  transport_.answer(200, "{}", {{"content-type", "application/json; charset=utf-8"}});
  EXPECT_TRUE(client_->list(kVnics, {}));
}

TEST_F(RestClientTest, TextThatIsNotUtf8DoesNotBreakTheRequest) {
  transport_.answer(201);
  json object = kVnic;
  object["spec"]["vmName"] = "caf\xe9";
  EXPECT_TRUE(client_->create(kVnics, object));
  EXPECT_TRUE(json::accept(transport_.requests.at(0).body));
}

}  // namespace
}  // namespace vnic::kube
