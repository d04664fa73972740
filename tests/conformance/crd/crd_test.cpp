// SPDX-License-Identifier: Apache-2.0
// The real API server accepts and refuses what cases/*.yaml say, and refuses with an error that
// names the field and what to do.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <ostream>
#include <regex>

#include "conformance/crd/cases.h"
#include "conformance/crd/crd_schema.h"
#include "conformance/crd/shared_control_plane.h"

namespace vnic::test {

void PrintTo(const CrdCase& value, std::ostream* out) {
  *out << value.file << ": " << value.name;
}

namespace {

// "Vnic.vnic.dev "x" is invalid: [spec.a: Invalid value: ..., spec.b: ...]": the error has to say
// `message` about `field`, so the field's name comes first and only its value may stand between.
bool namesFieldAndMessage(const std::string& error, const Rejection& rejection) {
  const std::string start = rejection.field + ": ";
  for (auto at = error.find(start); at != std::string::npos; at = error.find(start, at + 1)) {
    const bool whole = at == 0 || std::string(" [\"").find(error[at - 1]) != std::string::npos;
    const auto message = error.find(rejection.message, at + start.size());
    if (!whole || message == std::string::npos) continue;
    const std::string between = error.substr(at + start.size(), message - at - start.size());
    // No other field's error in between.
    if (!std::regex_search(between, std::regex(", (spec|status|metadata)[.\\[]"))) return true;
  }
  return false;
}

class CrdCases : public ::testing::TestWithParam<CrdCase> {
 protected:
  std::string object() const {
    return nlohmann::json{{"apiVersion", "vnic.dev/v1alpha1"},
                          {"kind", GetParam().kind},
                          {"metadata", {{"name", GetParam().objectName}}},
                          {"spec", GetParam().spec}}
        .dump();
  }

  CommandResult create(bool dryRun) const {
    std::vector<std::string> arguments{"create", "-f", "-"};
    if (dryRun) arguments.push_back("--dry-run=server");
    return sharedControlPlane().kubectl(arguments, object());
  }

  CommandResult patch(const char* part, const nlohmann::json& value,
                      const std::vector<std::string>& more) const {
    std::vector<std::string> arguments{"patch",
                                       GetParam().kind,
                                       GetParam().objectName,
                                       "--type=merge",
                                       "-p",
                                       nlohmann::json{{part, value}}.dump()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return sharedControlPlane().kubectl(arguments);
  }
};

TEST_P(CrdCases, AreAnsweredAsExpected) {
  const CrdCase& test = GetParam();
  CommandResult result = create(!test.isUpdate());
  if (test.isUpdate()) {
    ASSERT_TRUE(result.ok()) << "the object to update is refused already: " << result.err;
    if (!test.status.is_null()) {
      const CommandResult status = patch("status", test.status, {"--subresource=status"});
      ASSERT_TRUE(status.ok()) << status.err;
    }
    result = patch("spec", test.update, {});
  }
  if (!test.rejection) {
    EXPECT_TRUE(result.ok()) << result.err;
    return;
  }
  EXPECT_FALSE(result.ok()) << "accepted";
  EXPECT_TRUE(namesFieldAndMessage(result.err, *test.rejection))
      << "expected " << test.rejection->field << ": ..." << test.rejection->message << "\ngot "
      << result.err;
}

INSTANTIATE_TEST_SUITE_P(Files, CrdCases, ::testing::ValuesIn(loadCases()), [](const auto& info) {
  std::string name = info.param.file + "_" + info.param.name;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return !std::isalnum(c); }, '_');
  return name;
});

TEST(CrdRules, EachHasACaseThatItRefuses) {
  const std::vector<SchemaRule> rules = schemaRules();
  ASSERT_GE(rules.size(), 30U) << "the walk over crds/*.yaml finds too little";
  const std::vector<CrdCase> cases = loadCases();
  for (const SchemaRule& rule : rules) {
    const bool found = std::any_of(cases.begin(), cases.end(), [&](const CrdCase& test) {
      return test.kind == rule.kind && test.rejection &&
             std::regex_replace(test.rejection->field, std::regex("\\[[0-9]+\\]"), "[]") ==
                 rule.field &&
             rule.message.find(test.rejection->message) != std::string::npos;
    });
    EXPECT_TRUE(found) << rule.kind << " " << rule.field << ": " << rule.message;
  }
}

// A rule that refuses everything would pass the test above; each kind has objects that pass.
TEST(CrdRules, EachKindHasAcceptedCases) {
  const std::vector<CrdCase> cases = loadCases();
  for (const char* kind : {"VfReservation", "VmHost", "VmMigration", "Vnic", "VnicProfile"}) {
    EXPECT_GE(
        std::count_if(cases.begin(), cases.end(),
                      [&](const CrdCase& test) { return test.kind == kind && !test.rejection; }),
        3)
        << kind;
  }
}

}  // namespace
}  // namespace vnic::test
