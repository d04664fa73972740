// SPDX-License-Identifier: Apache-2.0
#include "admission/review.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace vnic::admission {
namespace {

std::string review(const std::string& request) {
  return R"({"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":)" + request +
         "}";
}

std::string errorOf(const std::string& body) {
  QuestionReader reader;
  const auto question = reader.read(body);
  return question ? "" : question.error().message;
}

Question question() {
  Question result;
  result.uid = "u1";
  result.group = "vnic.dev";
  result.kind = "VnicProfile";
  result.name = "blue";
  return result;
}

TEST(Review, ReadsWhatMatters) {
  QuestionReader reader;
  const auto question = reader.read(review(R"({
    "uid":"u1","operation":"UPDATE","name":"blue","dryRun":true,
    "kind":{"group":"vnic.dev","version":"v1alpha1","kind":"VnicProfile"},
    "resource":{"group":"vnic.dev","version":"v1alpha1","resource":"vnicprofiles"},
    "object":{"a":1},"oldObject":null,"userInfo":{"username":"x"}})"));
  ASSERT_TRUE(question) << question.error().message;
  EXPECT_EQ(question->uid, "u1");
  EXPECT_EQ(question->group, "vnic.dev");
  EXPECT_EQ(question->resource, "vnicprofiles");
  EXPECT_EQ(question->kind, "VnicProfile");
  EXPECT_EQ(question->name, "blue");
  EXPECT_EQ(question->operation, Operation::Update);
  EXPECT_TRUE(question->object);
  EXPECT_FALSE(question->oldObject);
}

TEST(Review, SaysWhatIsWrongWithABody) {
  EXPECT_NE(errorOf("").find("not JSON"), std::string::npos);
  EXPECT_NE(errorOf("{").find("not JSON"), std::string::npos);
  EXPECT_EQ(errorOf("[]"), "must be an object");
  EXPECT_NE(errorOf("{}").find("must be a AdmissionReview"), std::string::npos);
  EXPECT_NE(errorOf(R"({"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview"})")
                .find("admission.k8s.io/v1"),
            std::string::npos);
  EXPECT_EQ(errorOf(review("[]")), "request: must be an object");
  EXPECT_EQ(errorOf(review("{}")), "request.uid: must be set");
  EXPECT_EQ(errorOf(review(R"({"uid":7})")), "request.uid: must be a string");
  EXPECT_EQ(errorOf(review(R"({"uid":"u","resource":"x"})")),
            "request.resource: must be an object");
}

TEST(Review, RefusesWhatIsNestedWithoutEnd) {
  const std::string deep(2'000'000, '[');
  EXPECT_NE(errorOf(deep).find("not JSON"), std::string::npos);
  EXPECT_NE(errorOf(review(R"({"uid":"u","object":)" + std::string(5000, '[') +
                           std::string(5000, ']') + "}"))
                .find("not JSON"),
            std::string::npos);
}

TEST(Review, AllowsWithoutAStatus) {
  const auto json = nlohmann::json::parse(answer(question(), {}));
  EXPECT_EQ(json, nlohmann::json::parse(review("0").replace(0, std::string::npos, R"({
    "apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview",
    "response":{"uid":"u1","allowed":true}})")));
}

TEST(Review, TellsEveryRefusalWithItsField) {
  const Verdict verdict{{{"spec.failover", "FailoverIsSelf", "must name another profile", {}},
                         {"spec.passthrough", "PassthroughInUse", "may not be changed", {}}},
                        {}};
  const auto response = nlohmann::json::parse(answer(question(), verdict))["response"];
  EXPECT_FALSE(response["allowed"]);
  EXPECT_EQ(response["status"]["code"], 422);
  EXPECT_EQ(response["status"]["reason"], "Invalid");
  EXPECT_EQ(response["status"]["message"],
            "FailoverIsSelf: `spec.failover` must name another profile; "
            "PassthroughInUse: `spec.passthrough` may not be changed");
  EXPECT_EQ(response["status"]["details"]["causes"], nlohmann::json::parse(R"([
    {"reason":"FailoverIsSelf","field":"spec.failover","message":"must name another profile"},
    {"reason":"PassthroughInUse","field":"spec.passthrough","message":"may not be changed"}])"));
}

TEST(Review, WhatNoFieldMendsIsForbidden) {
  const auto response = nlohmann::json::parse(
      answer(question(), {{{"", "InUse", "the profile is used", {}}}, {}}))["response"];
  EXPECT_EQ(response["status"]["code"], 403);
  EXPECT_EQ(response["status"]["reason"], "Forbidden");
}

TEST(Review, WarningsAreFewAndShort) {
  Verdict verdict;
  for (int i = 0; i < 100; ++i) {
    verdict.warnings.push_back({"spec.vlan", "VlansDiffer", std::string(1000, 'x'), {}});
  }
  const auto response = nlohmann::json::parse(answer(question(), verdict))["response"];
  EXPECT_TRUE(response["allowed"]);
  EXPECT_EQ(response["warnings"].size(), 16u);
  EXPECT_LE(response["warnings"][0].get<std::string>().size(), 256u);
}

}  // namespace
}  // namespace vnic::admission
