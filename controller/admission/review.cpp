// SPDX-License-Identifier: Apache-2.0
#include "admission/review.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/decode.h"
#include "api/text.h"

namespace vnic::admission {
namespace {

constexpr char kApiVersion[] = "admission.k8s.io/v1";
constexpr char kKind[] = "AdmissionReview";
// The API server cuts longer warnings, and all of them together at 4096.
constexpr std::size_t kMaxWarning = 256;
constexpr std::size_t kMaxWarnings = 16;
constexpr std::size_t kMaxCause = 1024;

Operation operationOf(std::string_view text) {
  if (text == "CREATE") return Operation::Create;
  if (text == "UPDATE") return Operation::Update;
  if (text == "DELETE") return Operation::Delete;
  return Operation::Other;
}

std::optional<simdjson::dom::element> objectAt(simdjson::dom::element request, const char* key) {
  simdjson::dom::element value;
  if (request.at_key(key).get(value) != simdjson::SUCCESS || !value.is_object()) {
    return std::nullopt;
  }
  return value;
}

std::string describe(const Violation& violation) {
  return api::bounded(violation.reason + ": " + violation.text(), kMaxCause);
}

nlohmann::json statusOf(const Question& question, const std::vector<Violation>& refusals) {
  std::vector<std::string> lines;
  auto causes = nlohmann::json::array();
  for (const Violation& refusal : refusals) {
    lines.push_back(describe(refusal));
    causes.push_back({{"reason", refusal.reason},
                      {"field", refusal.field},
                      {"message", api::bounded(refusal.message, kMaxCause)}});
  }
  // What no change of a field would mend is forbidden rather than invalid.
  const bool invalid = std::any_of(refusals.begin(), refusals.end(),
                                   [](const Violation& refusal) { return !refusal.field.empty(); });
  return {{"status", "Failure"},
          {"reason", invalid ? "Invalid" : "Forbidden"},
          {"code", invalid ? 422 : 403},
          {"message", fmt::format("{}", fmt::join(lines, "; "))},
          {"details",
           {{"group", question.group},
            {"kind", question.kind},
            {"name", question.name},
            {"causes", std::move(causes)}}}};
}

}  // namespace

Result<Question> QuestionReader::read(std::string_view body) {
  simdjson::dom::element root;
  if (const auto error = parser_.parse(body.data(), body.size()).get(root)) {
    return fail(Error::invalid(std::string("the body is not JSON: ") + error_message(error)));
  }
  std::optional<Error> error;
  api::FieldReader review(root, error);
  std::string apiVersion, kind;
  review.read("apiVersion", apiVersion);
  review.read("kind", kind);
  if (!error && (apiVersion != kApiVersion || kind != kKind)) {
    return fail(Error::invalid(fmt::format("the body must be a {} of {}", kKind, kApiVersion)));
  }
  api::FieldReader request = review.object("request");
  Question question;
  std::string operation;
  request.read("uid", question.uid);
  request.read("operation", operation);
  request.read("name", question.name);
  request.object("resource").read("group", question.group);
  request.object("resource").read("resource", question.resource);
  request.object("kind").read("kind", question.kind);
  if (error) return fail(std::move(*error));
  if (question.uid.empty()) return fail(Error::invalid("request.uid: must be set"));
  question.operation = operationOf(operation);
  const simdjson::dom::element raw = root["request"];
  question.object = objectAt(raw, "object");
  question.oldObject = objectAt(raw, "oldObject");
  return question;
}

std::string answer(const Question& question, const Verdict& verdict) {
  nlohmann::json response{{"uid", question.uid}, {"allowed", verdict.refusals.empty()}};
  if (!verdict.refusals.empty()) response["status"] = statusOf(question, verdict.refusals);
  for (const Violation& warning : verdict.warnings) {
    nlohmann::json& warnings = response["warnings"];
    if (warnings.size() == kMaxWarnings) break;
    warnings.push_back(api::bounded(describe(warning), kMaxWarning));
  }
  return nlohmann::json{
      {"apiVersion", kApiVersion}, {"kind", kKind}, {"response", std::move(response)}}
      .dump();
}

}  // namespace vnic::admission
