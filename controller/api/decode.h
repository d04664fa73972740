// SPDX-License-Identifier: Apache-2.0
// Reads the API's JSON into types: tolerant of what it does not know, exact about what it does.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/condition.h"
#include "api/meta.h"
#include "support/error.h"

namespace vnic::api {

// A view of one JSON object. An absent or null field leaves the target as it is, so that the
// target's initialiser is the default; a field of a wrong type is noted, with its path
// ("spec.policy.maxAttempts: must be an integer"), in the error that all views of one decode share.
// The first error wins. A view must not outlive the view that it was made from.
class FieldReader {
 public:
  FieldReader(simdjson::dom::element object, std::optional<Error>& error);

  bool present() const { return object_.has_value(); }

  void read(std::string_view key, std::string& target);
  void read(std::string_view key, bool& target);
  void read(std::string_view key, int& target);
  void read(std::string_view key, std::int64_t& target);
  void read(std::string_view key, std::optional<int>& target);
  void read(std::string_view key, std::optional<std::int64_t>& target);
  void read(std::string_view key, std::vector<std::string>& target);
  void read(std::string_view key, std::map<std::string, std::string>& target);
  void read(std::string_view key, ObjectReference& target);
  void read(std::string_view key, Conditions& target);

  // The object under `key`; not present() when there is none.
  FieldReader object(std::string_view key);
  // {name: ...} as used for references by name within one scope.
  void readName(std::string_view key, std::string& target);

  // Calls `each(reader)` for every object of the list under `key`.
  template <class Each>
  void list(std::string_view key, Each each) {
    const auto array = arrayAt(key);
    if (!array) return;
    int index = 0;
    for (const simdjson::dom::element item : *array) {
      FieldReader reader(*this, key, index++);
      reader.enter(item);
      if (!reader.present()) return;
      each(reader);
    }
  }
  // The same into a vector, with `readItem(reader, item)`.
  template <class Item, class ReadItem>
  void list(std::string_view key, std::vector<Item>& target, ReadItem readItem) {
    list(key, [&](FieldReader& reader) { readItem(reader, target.emplace_back()); });
  }

 private:
  FieldReader(const FieldReader& parent, std::string_view key, int index);

  void enter(simdjson::dom::element value);
  std::optional<simdjson::dom::element> find(std::string_view key) const;
  std::optional<simdjson::dom::array> arrayAt(std::string_view key);
  std::string path() const;
  void expected(std::string_view key, std::string_view what);

  const FieldReader* parent_ = nullptr;
  std::string_view key_;
  int index_ = -1;  // position in the list named key_, -1 = not in a list
  std::optional<simdjson::dom::object> object_;
  std::optional<Error>* error_;
};

// metadata of any Kubernetes object. Invalid when it has no name.
Result<ObjectMeta> decodeMeta(simdjson::dom::element object);

// One object of ours: T needs metadata, spec and status; readSpec and readStatus fill them.
template <class T, class ReadSpec, class ReadStatus>
Result<T> decodeObject(simdjson::dom::element object, ReadSpec readSpec, ReadStatus readStatus) {
  auto metadata = decodeMeta(object);
  if (!metadata) return fail(metadata.error());
  T result;
  result.metadata = std::move(*metadata);
  std::optional<Error> error;
  FieldReader root(object, error);
  if (FieldReader spec = root.object("spec"); spec.present()) readSpec(spec, result.spec);
  if (FieldReader status = root.object("status"); status.present()) {
    status.read("observedGeneration", result.status.observedGeneration);
    status.read("conditions", result.status.conditions);
    readStatus(status, result.status);
  }
  if (error) {
    error->message =
        std::string(T::resource.kind) + " " + result.metadata.key().str() + ": " + error->message;
    return fail(std::move(*error));
  }
  return result;
}

}  // namespace vnic::api
