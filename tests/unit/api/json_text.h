// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <simdjson.h>

#include <nlohmann/json.hpp>

#include <string>

#include "support/error.h"

namespace vnic::api {

// Decodes a whole object from JSON, as it would come from the API server.
template <class T>
Result<T> decodeText(const std::string& text) {
  simdjson::dom::parser parser;
  return T::decode(parser.parse(text));
}

// An object with the given spec and status.
template <class T>
Result<T> decodeParts(const nlohmann::json& spec, const nlohmann::json& status) {
  nlohmann::json object{{"metadata", {{"name", "a"}, {"namespace", "ns"}}}};
  if (!spec.is_null()) object["spec"] = spec;
  if (!status.is_null()) object["status"] = status;
  return decodeText<T>(object.dump());
}

}  // namespace vnic::api
