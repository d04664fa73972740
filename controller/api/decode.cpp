// SPDX-License-Identifier: Apache-2.0
#include "api/decode.h"

#include <limits>
#include <utility>

namespace vnic::api {

FieldReader::FieldReader(simdjson::dom::element object, std::optional<Error>& error)
    : error_(&error) {
  enter(object);
}

FieldReader::FieldReader(const FieldReader& parent, std::string_view key, int index)
    : parent_(&parent), key_(key), index_(index), error_(parent.error_) {}

void FieldReader::enter(simdjson::dom::element value) {
  simdjson::dom::object object;
  if (value.get(object) == simdjson::SUCCESS) {
    object_ = object;
  } else if (!*error_) {
    const std::string where = path();
    *error_ = Error::invalid((where.empty() ? std::string() : where + ": ") + "must be an object");
  }
}

std::optional<simdjson::dom::element> FieldReader::find(std::string_view key) const {
  simdjson::dom::element value;
  if (!object_ || object_->at_key(key).get(value) != simdjson::SUCCESS || value.is_null()) {
    return std::nullopt;
  }
  return value;
}

std::optional<simdjson::dom::array> FieldReader::arrayAt(std::string_view key) {
  const auto value = find(key);
  if (!value) return std::nullopt;
  simdjson::dom::array array;
  if (value->get(array) == simdjson::SUCCESS) return array;
  expected(key, "a list");
  return std::nullopt;
}

std::string FieldReader::path() const {
  std::string result = parent_ ? parent_->path() : std::string();
  if (key_.empty()) return result;
  if (!result.empty()) result += '.';
  result += key_;
  if (index_ >= 0) result += "[" + std::to_string(index_) + "]";
  return result;
}

void FieldReader::expected(std::string_view key, std::string_view what) {
  if (*error_) return;
  std::string where = path();
  if (!where.empty()) where += '.';
  *error_ = Error::invalid(where + std::string(key) + ": must be " + std::string(what));
}

void FieldReader::read(std::string_view key, std::string& target) {
  const auto value = find(key);
  if (!value) return;
  std::string_view text;
  if (value->get(text) == simdjson::SUCCESS) {
    target = text;
  } else {
    expected(key, "a string");
  }
}

void FieldReader::read(std::string_view key, bool& target) {
  const auto value = find(key);
  if (!value) return;
  if (value->get(target) != simdjson::SUCCESS) expected(key, "true or false");
}

void FieldReader::read(std::string_view key, std::int64_t& target) {
  const auto value = find(key);
  if (!value) return;
  if (value->get(target) != simdjson::SUCCESS) expected(key, "an integer");
}

void FieldReader::read(std::string_view key, int& target) {
  const auto value = find(key);
  if (!value) return;
  std::int64_t wide = 0;
  if (value->get(wide) != simdjson::SUCCESS || wide < std::numeric_limits<int>::min() ||
      wide > std::numeric_limits<int>::max()) {
    expected(key, "a 32-bit integer");
    return;
  }
  target = static_cast<int>(wide);
}

void FieldReader::read(std::string_view key, std::optional<int>& target) {
  if (find(key)) read(key, target.emplace());
}

void FieldReader::read(std::string_view key, std::optional<std::int64_t>& target) {
  if (find(key)) read(key, target.emplace());
}

void FieldReader::read(std::string_view key, std::vector<std::string>& target) {
  const auto array = arrayAt(key);
  if (!array) return;
  for (const simdjson::dom::element item : *array) {
    std::string_view text;
    if (item.get(text) != simdjson::SUCCESS) {
      expected(key, "a list of strings");
      return;
    }
    target.emplace_back(text);
  }
}

void FieldReader::read(std::string_view key, std::map<std::string, std::string>& target) {
  const auto value = find(key);
  if (!value) return;
  simdjson::dom::object object;
  if (value->get(object) != simdjson::SUCCESS) {
    expected(key, "a map of strings");
    return;
  }
  for (const auto field : object) {
    std::string_view text;
    if (field.value.get(text) != simdjson::SUCCESS) {
      expected(key, "a map of strings");
      return;
    }
    target.emplace(field.key, text);
  }
}

FieldReader FieldReader::object(std::string_view key) {
  FieldReader reader(*this, key, -1);
  if (const auto value = find(key)) reader.enter(*value);
  return reader;
}

void FieldReader::readName(std::string_view key, std::string& target) {
  object(key).read("name", target);
}

void FieldReader::read(std::string_view key, ObjectReference& target) {
  FieldReader reader = object(key);
  reader.read("namespace", target.ns);
  reader.read("name", target.name);
  reader.read("uid", target.uid);
}

void FieldReader::read(std::string_view key, Conditions& target) {
  list(key, target, [](FieldReader& reader, Condition& condition) {
    reader.read("type", condition.type);
    std::string status;
    reader.read("status", status);
    condition.status = status == "True"    ? ConditionStatus::True
                       : status == "False" ? ConditionStatus::False
                                           : ConditionStatus::Unknown;
    reader.read("observedGeneration", condition.observedGeneration);
    reader.read("lastTransitionTime", condition.lastTransitionTime);
    reader.read("reason", condition.reason);
    reader.read("message", condition.message);
  });
}

Result<ObjectMeta> decodeMeta(simdjson::dom::element object) {
  std::optional<Error> error;
  FieldReader root(object, error);
  FieldReader reader = root.object("metadata");
  ObjectMeta meta;
  reader.read("namespace", meta.ns);
  reader.read("name", meta.name);
  reader.read("uid", meta.uid);
  reader.read("resourceVersion", meta.resourceVersion);
  reader.read("generation", meta.generation);
  reader.read("creationTimestamp", meta.creationTimestamp);
  reader.read("deletionTimestamp", meta.deletionTimestamp);
  reader.read("labels", meta.labels);
  reader.read("annotations", meta.annotations);
  reader.read("finalizers", meta.finalizers);
  if (error) return fail(std::move(*error));
  if (meta.name.empty()) return fail(Error::invalid("metadata.name: must be set"));
  return meta;
}

}  // namespace vnic::api
