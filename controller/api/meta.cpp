// SPDX-License-Identifier: Apache-2.0
#include "api/meta.h"

#include <algorithm>

#include "api/encode.h"

namespace vnic::api {

bool ObjectMeta::hasFinalizer(std::string_view finalizer) const {
  return std::find(finalizers.begin(), finalizers.end(), finalizer) != finalizers.end();
}

nlohmann::json toJson(const ObjectMeta& meta) {
  nlohmann::json json = nlohmann::json::object();
  put(json, "namespace", meta.ns);
  put(json, "name", meta.name);
  put(json, "uid", meta.uid);
  put(json, "resourceVersion", meta.resourceVersion);
  if (meta.generation != 0) json["generation"] = meta.generation;
  put(json, "creationTimestamp", meta.creationTimestamp);
  put(json, "deletionTimestamp", meta.deletionTimestamp);
  if (!meta.labels.empty()) json["labels"] = meta.labels;
  if (!meta.annotations.empty()) json["annotations"] = meta.annotations;
  put(json, "finalizers", meta.finalizers);
  return json;
}

nlohmann::json toJson(const ObjectReference& reference) {
  nlohmann::json json = nlohmann::json::object();
  put(json, "namespace", reference.ns);
  put(json, "name", reference.name);
  put(json, "uid", reference.uid);
  return json;
}

}  // namespace vnic::api
