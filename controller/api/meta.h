// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vnic::api {

// One kind that the API server serves: what a URL needs.
struct ResourceType {
  std::string_view group;  // "" = core
  std::string_view version;
  std::string_view plural;  // lower case, as in the URL
  std::string_view kind;    // as in the object
  bool namespaced = true;
};

// namespace/name; the namespace is empty for cluster-scoped kinds.
struct ObjectKey {
  std::string ns;
  std::string name;

  auto operator<=>(const ObjectKey&) const = default;
  std::string str() const { return ns.empty() ? name : ns + "/" + name; }
};

// metadata without managedFields. Times are RFC 3339 as the server wrote them, "" = absent.
struct ObjectMeta {
  std::string ns;
  std::string name;
  std::string uid;
  std::string resourceVersion;
  std::int64_t generation = 0;
  std::string creationTimestamp;
  std::string deletionTimestamp;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  std::vector<std::string> finalizers;

  ObjectKey key() const { return {ns, name}; }
  bool deleting() const { return !deletionTimestamp.empty(); }
  bool hasFinalizer(std::string_view finalizer) const;
  bool operator==(const ObjectMeta&) const = default;
};

// Who holds something: an object by name, and by uid so that a namesake created later is not it.
struct ObjectReference {
  std::string ns;
  std::string name;
  std::string uid;

  bool operator==(const ObjectReference&) const = default;
  ObjectKey key() const { return {ns, name}; }
};

nlohmann::json toJson(const ObjectMeta& meta);
nlohmann::json toJson(const ObjectReference& reference);

}  // namespace vnic::api

template <>
struct std::hash<vnic::api::ObjectKey> {
  std::size_t operator()(const vnic::api::ObjectKey& key) const noexcept {
    return std::hash<std::string>{}(key.ns) * 31 + std::hash<std::string>{}(key.name);
  }
};
