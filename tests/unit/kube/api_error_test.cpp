// SPDX-License-Identifier: Apache-2.0
#include "kube/api_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vnic::kube {
namespace {

using testing::HasSubstr;
using testing::Not;

Error errorOf(int status, const std::string& body,
              std::map<std::string, std::string> headers = {}) {
  return errorOfResponse({status, std::move(headers), body}, "patch vnics team-a/db-1");
}

// The three bodies are what kube-apiserver 1.36 answers.
TEST(ApiError, TellsTheThreeConflictsApart) {
  EXPECT_EQ(errorOf(409, R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",
          "message":"Operation cannot be fulfilled on vnics.vnic.dev \"db-1\": the object has been modified",
          "reason":"Conflict","details":{"name":"db-1","group":"vnic.dev","kind":"vnics"},"code":409})")
                .kind,
            ErrorKind::Conflict);
  EXPECT_EQ(errorOf(409, R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",
          "message":"Apply failed with 1 conflict: conflict with \"kubectl\": .spec.vmName",
          "reason":"Conflict","details":{"causes":[{"reason":"FieldManagerConflict",
          "message":"conflict with \"kubectl\"","field":".spec.vmName"}]},"code":409})")
                .kind,
            ErrorKind::OwnershipConflict);
  EXPECT_EQ(errorOf(409, R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",
          "message":"vnics.vnic.dev \"db-1\" already exists","reason":"AlreadyExists",
          "details":{"name":"db-1","group":"vnic.dev","kind":"vnics"},"code":409})")
                .kind,
            ErrorKind::AlreadyExists);
}

TEST(ApiError, SaysWhatACallerMayDo) {
  const std::pair<int, ErrorKind> cases[] = {
      {400, ErrorKind::Invalid},   {401, ErrorKind::Forbidden}, {403, ErrorKind::Forbidden},
      {404, ErrorKind::NotFound},  {408, ErrorKind::Transient}, {410, ErrorKind::Gone},
      {415, ErrorKind::Invalid},   {422, ErrorKind::Invalid},   {429, ErrorKind::Transient},
      {500, ErrorKind::Transient}, {502, ErrorKind::Transient}, {503, ErrorKind::Transient},
      {504, ErrorKind::Transient}, {302, ErrorKind::Terminal},
  };
  for (const auto& [status, kind] : cases) {
    const Error error = errorOf(status, "");
    EXPECT_EQ(error.kind, kind) << status;
    EXPECT_EQ(error.code, status);
  }
}

TEST(ApiError, NamesTheRequestAndTheServersReasonOnOneLine) {
  const Error error =
      errorOf(422, R"({"kind":"Status","code":422,"message":"spec.vlan:\n too big"})");
  EXPECT_THAT(error.message, HasSubstr("patch vnics team-a/db-1"));
  EXPECT_THAT(error.message, HasSubstr("spec.vlan:"));
  EXPECT_THAT(error.message, Not(HasSubstr("\n")));
}

TEST(ApiError, BoundsWhatAProxyWrites) {
  EXPECT_LT(errorOf(502, std::string(1 << 20, 'x')).message.size(), 2000U);
}

TEST(ApiError, TakesRetryAfterFromTheHeaderOrTheStatus) {
  EXPECT_EQ(errorOf(429, "", {{"retry-after", "7"}}).retryAfterSeconds, 7);
  EXPECT_EQ(
      errorOf(503, R"({"kind":"Status","details":{"retryAfterSeconds":3}})").retryAfterSeconds, 3);
  for (const char* wrong : {"", "-1", "soon", "5x", "99999999999999999999"}) {
    EXPECT_EQ(errorOf(429, "", {{"retry-after", wrong}}).retryAfterSeconds, 0) << wrong;
  }
  EXPECT_EQ(errorOf(429, "", {{"retry-after", "2000000000"}}).retryAfterSeconds, 3600)
      << "a mistake there must not put us to sleep for years";
}

TEST(ApiError, AStatusOfAWatchWithoutACodeIsReadByItsReason) {
  simdjson::dom::parser parser;
  EXPECT_EQ(errorOfStatus(parser.parse(std::string(R"({"reason":"Expired"})")), "watch vnics").kind,
            ErrorKind::Gone);
  EXPECT_EQ(errorOfStatus(parser.parse(std::string(R"({})")), "watch vnics").kind,
            ErrorKind::Transient);
}

}  // namespace
}  // namespace vnic::kube
