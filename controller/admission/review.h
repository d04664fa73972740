// SPDX-License-Identifier: Apache-2.0
// AdmissionReview (admission.k8s.io/v1): the API server's question and our answer. Pure.
#pragma once

#include <simdjson.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reconcile/vnic_profile/rules.h"
#include "support/error.h"

namespace vnic::admission {

using reconcile::vnic_profile::Violation;

enum class Operation { Create, Update, Delete, Other };

struct Question {
  std::string uid;
  std::string group;     // of the object: "vnic.dev"
  std::string resource;  // plural
  std::string kind;
  std::string name;
  Operation operation = Operation::Other;
  // Point into the reader's buffers.
  std::optional<simdjson::dom::element> object;     // as it would be; not with Delete
  std::optional<simdjson::dom::element> oldObject;  // as it is; not with Create
};

// Owns what a Question points into; good for one question.
class QuestionReader {
 public:
  // Invalid: not JSON, not an AdmissionReview v1, or without what an answer needs.
  Result<Question> read(std::string_view body);

 private:
  simdjson::dom::parser parser_;
};

struct Verdict {
  std::vector<Violation> refusals;  // any = refused
  std::vector<Violation> warnings;
};

// The whole answer as JSON. kubectl prints the refusals one by one, as it prints the errors of a
// schema, because each is a cause with its field.
std::string answer(const Question& question, const Verdict& verdict);

}  // namespace vnic::admission
