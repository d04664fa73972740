// SPDX-License-Identifier: Apache-2.0
#include "admission/webhook.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/fake_kube_client.h"
#include "support/manual_clock.h"
#include "unit/reconcile/vnic_profile/profiles.h"

namespace vnic::admission {
namespace {

using nlohmann::json;

class WebhookTest : public ::testing::Test {
 protected:
  template <class T>
  static json object(const T& typed) {
    json body = kube::objectFrame(T::resource, typed.metadata.key());
    body["metadata"].update(toJson(typed.metadata));
    body["spec"] = toJson(typed.spec);
    return body;
  }
  template <class T>
  static json question(const char* operation, const T* after, const T* before) {
    const T& either = after != nullptr ? *after : *before;
    return {{"apiVersion", "admission.k8s.io/v1"},
            {"kind", "AdmissionReview"},
            {"request",
             {{"uid", "u1"},
              {"operation", operation},
              {"name", either.metadata.name},
              {"kind", {{"kind", std::string(T::resource.kind)}}},
              {"resource",
               {{"group", std::string(T::resource.group)},
                {"resource", std::string(T::resource.plural)}}},
              {"object", after != nullptr ? object(*after) : json()},
              {"oldObject", before != nullptr ? object(*before) : json()}}}};
  }
  serving::Response post(const std::string& body, const std::string& type = "application/json") {
    return webhook.handle({"POST", kPath, {}, {{"content-type", type}}, body});
  }
  json ask(const json& body) {
    const auto response = post(body.dump());
    EXPECT_EQ(response.status, 200) << response.body;
    return response.status == 200 ? json::parse(response.body)["response"] : json();
  }
  static std::string reasons(const json& response) {
    std::string text = response["allowed"] ? "+" : "";
    if (!response["allowed"]) {
      for (const auto& cause : response["status"]["details"]["causes"]) {
        text += cause["reason"].get<std::string>() + " ";
      }
    }
    return text;
  }
  void sync() {
    client.sync(profiles);
    client.sync(vnics);
  }
  api::VnicProfile addProfile(const std::string& name, bool passthrough,
                              const std::string& failover = "") {
    return client.add(test::profile(name, passthrough, failover));
  }
  api::Vnic vnic(const std::string& name, const std::string& mac = "") {
    api::Vnic vnic;
    vnic.metadata.ns = "team-a";
    vnic.metadata.name = name;
    vnic.spec.vmName = "db";
    vnic.spec.profile = "blue";
    vnic.spec.macAddress = mac;
    return vnic;
  }

  test::FakeKubeClient client;
  test::ManualClock clock;
  cache::Store<api::VnicProfile> profiles;
  cache::Store<api::Vnic> vnics;
  prometheus::Registry registry;
  Webhook webhook{{profiles, vnics, client, clock}, registry, Logger()};
};

TEST_F(WebhookTest, RefusesAndAllowsByTheRules) {
  auto blue = addProfile("blue", true, "standby");
  addProfile("standby", false);
  client.add(vnic("db"));
  sync();
  auto changed = blue;
  changed.spec.failover = "";
  EXPECT_EQ(reasons(ask(question("UPDATE", &changed, &blue))), "FailoverInUse ");
  changed = blue;
  changed.spec.vlan = 7;
  const auto allowed = ask(question("UPDATE", &changed, &blue));
  EXPECT_EQ(reasons(allowed), "+");
  EXPECT_EQ(allowed["warnings"].size(), 2u) << allowed;
  EXPECT_EQ(reasons(ask(question<api::VnicProfile>("DELETE", nullptr, &blue))), "InUse ");
}

TEST_F(WebhookTest, StaleCacheRefusesNobody) {
  auto blue = addProfile("blue", true);
  client.add(vnic("db", "52:54:00:00:00:01"));
  client.add(vnic("web"));
  sync();
  ASSERT_TRUE(client.remove(api::Vnic::resource, {"team-a", "db"}, {}));
  ASSERT_TRUE(client.remove(api::Vnic::resource, {"team-a", "web"}, {}));
  EXPECT_EQ(vnics.size(), 2u);
  EXPECT_EQ(reasons(ask(question<api::VnicProfile>("DELETE", nullptr, &blue))), "+");
  const auto other = vnic("other", "52:54:00:00:00:01");
  EXPECT_EQ(reasons(ask(question<api::Vnic>("CREATE", &other, nullptr))), "+");
}

TEST_F(WebhookTest, StaleCacheWarnsNobody) {
  addProfile("blue", false);  // a moment ago: no cache has it
  const auto db = vnic("db");
  EXPECT_FALSE(ask(question<api::Vnic>("CREATE", &db, nullptr)).contains("warnings"));
  sync();
  client.edit<api::VnicProfile>({"", "blue"}, [](auto& spec) {
    spec.allowedNamespaces = {"Selector", {{"a", "b"}}};
  });
  EXPECT_EQ(reasons(ask(question<api::Vnic>("CREATE", &db, nullptr))), "+")
      << "what the cache says is not refused; the reconciler sees it";
}

TEST_F(WebhookTest, WhatCannotBeAskedIsJudgedByTheCache) {
  auto blue = addProfile("blue", true);
  client.add(vnic("db"));
  sync();
  client.failNext("get", "vnics", Error::transient("no answer"));
  EXPECT_EQ(reasons(ask(question<api::VnicProfile>("DELETE", nullptr, &blue))), "InUse ");
}

TEST_F(WebhookTest, AsksTheNamespaceForItsLabels) {
  auto profile = addProfile("blue", false);
  client.edit<api::VnicProfile>({"", "blue"}, [](auto& spec) {
    spec.allowedNamespaces = {"Selector", {{"kubernetes.io/metadata.name", "team-a"}}};
  });
  sync();
  auto db = vnic("db");
  EXPECT_EQ(reasons(ask(question<api::Vnic>("CREATE", &db, nullptr))), "+");
  db.metadata.ns = "team-b";
  EXPECT_EQ(reasons(ask(question<api::Vnic>("CREATE", &db, nullptr))), "NamespaceNotAllowed ");
}

TEST_F(WebhookTest, SaysNothingOfWhatItDoesNotKnow) {
  auto blue = addProfile("blue", true);
  json other = question<api::VnicProfile>("CREATE", &blue, nullptr);
  other["request"]["resource"]["resource"] = "vmhosts";
  EXPECT_EQ(reasons(ask(other)), "+");
  other = question<api::VnicProfile>("CREATE", &blue, nullptr);
  other["request"]["resource"]["group"] = "apps";
  EXPECT_EQ(reasons(ask(other)), "+");
  other = question<api::VnicProfile>("CONNECT", &blue, nullptr);
  EXPECT_EQ(reasons(ask(other)), "+");
}

TEST_F(WebhookTest, BadQuestionsAreBadRequests) {
  auto blue = addProfile("blue", true);
  EXPECT_EQ(post("{}").status, 400);
  EXPECT_EQ(post("{}", "text/plain").status, 415);
  EXPECT_EQ(post("{", "application/json; charset=utf-8").status, 400);
  json body = question<api::VnicProfile>("CREATE", &blue, nullptr);
  body["request"]["object"]["spec"]["vlan"] = "seven";
  const auto wrong = post(body.dump());
  EXPECT_EQ(wrong.status, 400);
  EXPECT_NE(wrong.body.find("spec.vlan: must be a 32-bit integer"), std::string::npos)
      << wrong.body;
  body["request"]["object"] = nullptr;
  EXPECT_NE(post(body.dump()).body.find("request.object: must be set"), std::string::npos);
}

TEST_F(WebhookTest, CountsRequestsUnderTheUsualNames) {
  (void)post("{}");
  (void)post("{}");
  double counted = 0, observed = 0;
  for (const auto& family : registry.Collect()) {
    if (family.name == "controller_runtime_webhook_requests_total") {
      for (const auto& series : family.metric) counted += series.counter.value;
    }
    if (family.name == "controller_runtime_webhook_latency_seconds") {
      observed = static_cast<double>(family.metric.at(0).histogram.sample_count);
    }
  }
  EXPECT_EQ(counted, 2);
  EXPECT_EQ(observed, 2);
}

}  // namespace
}  // namespace vnic::admission
