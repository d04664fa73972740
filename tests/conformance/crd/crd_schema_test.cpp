// SPDX-License-Identifier: Apache-2.0
// What every schema of ours has to be, field by field: described (kubectl explain is the manual)
// and bounded (an object can be neither huge nor costly to check).
#include <gtest/gtest.h>

#include <set>

#include "conformance/crd/crd_schema.h"

namespace vnic::test {
namespace {

class EveryField : public ::testing::Test {
 protected:
  // Fails with the path of every node for which `holds` is false.
  template <class Holds>
  void expect(Holds holds, const std::string& what) {
    const std::vector<SchemaNode> nodes = schemaNodes();
    ASSERT_GT(nodes.size(), 200U) << "the walk over crds/*.yaml finds too little";
    for (const SchemaNode& node : nodes) {
      EXPECT_TRUE(holds(node)) << node.kind << " " << node.path << " " << what;
    }
  }

  static std::string typeOf(const SchemaNode& node) {
    return node.schema["type"].as<std::string>("");
  }
};

TEST_F(EveryField, IsDescribed) {
  expect(
      [](const SchemaNode& node) {
        // An item is described by its list.
        const bool item = node.path.size() > 2 && node.path.substr(node.path.size() - 2) == "[]";
        return item || node.schema["description"].as<std::string>("").size() >= 10;
      },
      "has no description");
}

TEST_F(EveryField, StringIsBounded) {
  expect(
      [](const SchemaNode& node) {
        return typeOf(node) != "string" || node.schema["maxLength"] || node.schema["enum"] ||
               node.schema["format"].as<std::string>("") == "date-time";
      },
      "needs maxLength, an enum or a format");
}

TEST_F(EveryField, ListIsBoundedAndSaysHowItMerges) {
  expect(
      [](const SchemaNode& node) {
        return typeOf(node) != "array" ||
               (node.schema["maxItems"] && node.schema["x-kubernetes-list-type"]);
      },
      "needs maxItems and x-kubernetes-list-type");
}

TEST_F(EveryField, NumberIsAnIntegerWithALowerBound) {
  expect([](const SchemaNode& node) { return typeOf(node) != "number"; }, "is a floating number");
  expect(
      [](const SchemaNode& node) {
        return typeOf(node) != "integer" || (node.schema["minimum"] && node.schema["format"]);
      },
      "needs minimum and format");
}

TEST_F(EveryField, NumberOfASpecHasAnUpperBound) {
  expect(
      [](const SchemaNode& node) {
        return typeOf(node) != "integer" || node.path.rfind("spec.", 0) != 0 ||
               node.schema["maximum"];
      },
      "needs maximum");
}

TEST_F(EveryField, MapIsBounded) {
  expect(
      [](const SchemaNode& node) {
        return !node.schema["additionalProperties"] || node.schema["maxProperties"];
      },
      "needs maxProperties");
}

TEST_F(EveryField, StatusSaysThatNobodyHasLookedYet) {
  std::set<std::string> kinds;
  for (const SchemaNode& node : schemaNodes()) {
    if (node.path != "status") continue;
    kinds.insert(node.kind);
    EXPECT_EQ(node.schema["default"]["observedGeneration"].as<int>(0), -1) << node.kind;
  }
  EXPECT_EQ(kinds, (std::set<std::string>{"VfReservation", "VmHost", "VmMigration", "Vnic",
                                          "VnicProfile"}));
}

}  // namespace
}  // namespace vnic::test
