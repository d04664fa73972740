// SPDX-License-Identifier: Apache-2.0
// The cases of cases/*.yaml: objects that the API server has to accept or to refuse.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace vnic::test {

struct Rejection {
  std::string field;    // as the error names it, "spec.physicalFunctions[0].device"
  std::string message;  // a part of the error about that field
};

struct CrdCase {
  std::string file;
  std::string name;
  std::string kind;
  std::string objectName;
  nlohmann::json spec;    // of the object to create
  nlohmann::json status;  // written then, null = none
  nlohmann::json update;  // merge patch on the spec after that, null = the creation is the case
  std::optional<Rejection> rejection;  // of the last step; without: it is accepted

  bool isUpdate() const { return !update.is_null(); }
};

// Throws YAML::Exception with file and line for what is not a case.
std::vector<CrdCase> loadCases();

}  // namespace vnic::test
