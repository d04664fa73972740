// SPDX-License-Identifier: Apache-2.0
#include "kube/typed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vnic::kube {
namespace {

using nlohmann::json;
using testing::ElementsAre;

// The smallest API type.
struct Thing {
  static constexpr api::ResourceType resource{"vnic.dev", "v1alpha1", "things", "Thing", true};
  api::ObjectMeta metadata;

  static Result<Thing> decode(simdjson::dom::element object) {
    Thing thing;
    std::string_view text;
    if (object["metadata"]["name"].get(text)) return fail(Error::invalid("metadata.name: missing"));
    thing.metadata.name = text;
    if (!object["metadata"]["uid"].get(text)) thing.metadata.uid = text;
    return thing;
  }
};

class ClientMock : public Client {
 public:
  MOCK_METHOD(Result<std::string>, get, (const api::ResourceType&, const api::ObjectKey&),
              (override));
  MOCK_METHOD(Result<std::string>, list, (const api::ResourceType&, const ListOptions&),
              (override));
  MOCK_METHOD(Status, watch,
              (const api::ResourceType&, const WatchOptions&, const LineHandler&, std::stop_token),
              (override));
  MOCK_METHOD(Result<std::string>, create, (const api::ResourceType&, const json&), (override));
  MOCK_METHOD(Result<std::string>, update, (const api::ResourceType&, const json&), (override));
  MOCK_METHOD(Result<std::string>, patch,
              (const api::ResourceType&, const api::ObjectKey&, PatchType, const json&,
               std::string_view),
              (override));
  MOCK_METHOD(Result<std::string>, apply,
              (const api::ResourceType&, const json&, const ApplyOptions&), (override));
  MOCK_METHOD(Status, remove,
              (const api::ResourceType&, const api::ObjectKey&, const Preconditions&), (override));
};

using testing::_;
using testing::DoAll;
using testing::Return;
using testing::SaveArg;
using testing::StrictMock;

struct TypedTest : testing::Test {
  TypedTest() {
    thing.metadata.ns = "ns";
    thing.metadata.name = "a";
    thing.metadata.uid = "u-1";
    thing.metadata.resourceVersion = "7";
  }
  static std::string answer(const std::string& uid = "u-1") {
    return R"({"metadata":{"name":"a","namespace":"ns","uid":")" + uid + "\"}}";
  }
  void expectPatch() {
    EXPECT_CALL(client, patch(_, api::ObjectKey{"ns", "a"}, PatchType::Merge, _, _))
        .WillOnce(DoAll(SaveArg<3>(&sent), Return(answer())));
  }
  static Result<std::string> refusal(ErrorKind kind) { return fail(Error{kind, "no"}); }

  StrictMock<ClientMock> client;
  Thing thing;
  json sent;
};

TEST_F(TypedTest, AListPageKeepsItsPlaceAndNamesWhatItCannotRead) {
  EXPECT_CALL(client, list)
      .WillOnce(Return(
          R"({"metadata":{"resourceVersion":"99","continue":"next"},
          "items":[{"metadata":{"name":"a"}},{"metadata":{}},{"metadata":{"name":"c"}}]})"));
  const auto page = listPage<Thing>(client, {});
  ASSERT_TRUE(page);
  EXPECT_EQ(page->resourceVersion, "99");
  EXPECT_EQ(page->continueToken, "next");
  ASSERT_EQ(page->items.size(), 2U);
  EXPECT_EQ(page->items[1].metadata.name, "c");
  EXPECT_EQ(page->undecodable.size(), 1U);
}

TEST_F(TypedTest, WhatIsNotAListIsAnError) {
  for (const char* body : {"{}", R"({"items":null})"}) {
    EXPECT_CALL(client, list).WillOnce(Return(body));
    EXPECT_EQ(listPage<Thing>(client, {}).error().kind, ErrorKind::Terminal) << body;
  }
}

// Terminal would mean that nobody tries again until something changes.
TEST_F(TypedTest, WhatWasGarbledOnItsWayMayArriveWholeNextTime) {
  for (const char* body : {"", "<html>", R"({"metadata":{"name":"caf)"}) {
    EXPECT_CALL(client, list).WillOnce(Return(body));
    EXPECT_EQ(listPage<Thing>(client, {}).error().kind, ErrorKind::Transient) << body;
    EXPECT_CALL(client, get).WillOnce(Return(body));
    EXPECT_EQ(getObject<Thing>(client, {"ns", "a"}).error().kind, ErrorKind::Transient) << body;
  }
}

TEST_F(TypedTest, ACreatedObjectHasItsKindNameAndSpec) {
  EXPECT_CALL(client, create).WillOnce(DoAll(SaveArg<1>(&sent), Return(answer())));
  api::ObjectMeta meta;
  meta.ns = "ns";
  meta.name = "a";
  meta.labels["l"] = "1";
  meta.finalizers = {"vnic.dev/operator"};
  ASSERT_TRUE(createObject<Thing>(client, meta, {{"vmName", "db"}}));
  EXPECT_EQ(sent, json::parse(R"({"apiVersion":"vnic.dev/v1alpha1","kind":"Thing",
      "metadata":{"name":"a","namespace":"ns","labels":{"l":"1"},
      "finalizers":["vnic.dev/operator"]},"spec":{"vmName":"db"}})"));
}

TEST_F(TypedTest, AStatusIsAppliedToTheVersionThatWasRead) {
  ApplyOptions options;
  EXPECT_CALL(client, apply)
      .WillOnce(DoAll(SaveArg<1>(&sent), SaveArg<2>(&options), Return(answer())));
  ASSERT_TRUE(applyStatus<Thing>(client, thing.metadata, {{"phase", "Pending"}}));
  EXPECT_EQ(sent["metadata"]["resourceVersion"], "7");
  EXPECT_EQ(sent["status"], json({{"phase", "Pending"}}));
  EXPECT_EQ(options.subresource, "status");
  EXPECT_EQ(options.fieldManager, api::kFieldManager);
  EXPECT_TRUE(options.force);
}

TEST_F(TypedTest, AnUnguardedStatusThatHitANamesakeIsAConflict) {
  EXPECT_CALL(client, apply).WillOnce(DoAll(SaveArg<1>(&sent), Return(answer("u-2"))));
  const auto applied = applyStatus<Thing>(client, thing.metadata, {}, StatusGuard::None);
  EXPECT_FALSE(sent["metadata"].contains("resourceVersion"));
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().kind, ErrorKind::Conflict);
}

TEST_F(TypedTest, AFinalizerIsAddedBesideOthersAndGuarded) {
  thing.metadata.finalizers = {"other.dev/x"};
  expectPatch();
  ASSERT_TRUE(addFinalizer(client, thing));
  EXPECT_THAT(sent["metadata"]["finalizers"], ElementsAre("other.dev/x", "vnic.dev/operator"));
  EXPECT_EQ(sent["metadata"]["resourceVersion"], "7");
}

TEST_F(TypedTest, AFinalizerThatIsThereCostsNoRequest) {
  thing.metadata.finalizers = {"vnic.dev/operator"};
  EXPECT_TRUE(addFinalizer(client, thing));
  thing.metadata.finalizers.clear();
  EXPECT_TRUE(removeFinalizer(client, thing));
}

TEST_F(TypedTest, OnlyOurFinalizerIsRemoved) {
  thing.metadata.finalizers = {"vnic.dev/operator", "other.dev/x"};
  expectPatch();
  EXPECT_TRUE(removeFinalizer(client, thing));
  EXPECT_THAT(sent["metadata"]["finalizers"], ElementsAre("other.dev/x"));
}

TEST_F(TypedTest, RemovingFromWhatIsGoneIsDoneAConflictIsNot) {
  thing.metadata.finalizers = {"vnic.dev/operator"};
  EXPECT_CALL(client, patch).WillOnce(Return(refusal(ErrorKind::NotFound)));
  EXPECT_TRUE(removeFinalizer(client, thing));
  EXPECT_CALL(client, patch).WillOnce(Return(refusal(ErrorKind::Conflict)));
  EXPECT_EQ(removeFinalizer(client, thing).error().kind, ErrorKind::Conflict);

  EXPECT_CALL(client, remove).WillOnce(Return(fail(Error::notFound("gone"))));
  EXPECT_TRUE(removeObject(client, thing));
}

TEST_F(TypedTest, ADeletionIsOfThisVeryObject) {
  Preconditions preconditions;
  EXPECT_CALL(client, remove).WillOnce(DoAll(SaveArg<2>(&preconditions), Return(Status{})));
  EXPECT_TRUE(removeObject(client, thing));
  EXPECT_EQ(preconditions.uid, "u-1");
  EXPECT_EQ(preconditions.resourceVersion, "7");
}

TEST_F(TypedTest, ClusterScopedFramesHaveNoNamespaceAndCoreHasNoGroup) {
  constexpr api::ResourceType node{"", "v1", "nodes", "Node", false};
  EXPECT_EQ(objectFrame(node, {"", "n"}),
            json::parse(R"({"apiVersion":"v1","kind":"Node","metadata":{"name":"n"}})"));
}

}  // namespace
}  // namespace vnic::kube
