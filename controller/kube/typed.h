// SPDX-License-Identifier: Apache-2.0
// The typed layer over Client. T is an API type (api/*.h): it has
//   static constexpr api::ResourceType resource;
//   static Result<T> decode(simdjson::dom::element);
//   api::ObjectMeta metadata;
// Every function blocks on the API server; errors are those of Client, plus Transient when the
// answer was garbled on its way and Terminal when T does not understand what the server sent.
#pragma once

#include <simdjson.h>

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "api/meta.h"
#include "api/names.h"
#include "kube/client.h"
#include "support/error.h"

namespace vnic::kube {

template <class T>
concept ApiObject = requires(T object, simdjson::dom::element element) {
  { T::resource.plural } -> std::convertible_to<std::string_view>;
  { T::decode(element) } -> std::same_as<Result<T>>;
  { object.metadata } -> std::convertible_to<api::ObjectMeta>;
};

// namespace and name of any object, "" for what it has not.
inline api::ObjectKey keyOf(simdjson::dom::element object) {
  std::string_view ns;
  std::string_view name;
  if (object["metadata"]["namespace"].get(ns)) ns = {};
  if (object["metadata"]["name"].get(name)) name = {};
  return {std::string(ns), std::string(name)};
}

struct Undecodable {
  api::ObjectKey key;
  Error error;
};

// One page of a list. An item that T cannot decode does not hide the others: it is told in
// `undecodable`, which the caller has to log.
template <class T>
struct Page {
  std::vector<T> items;
  std::vector<Undecodable> undecodable;
  std::string continueToken;    // "" = this was the last page
  std::string resourceVersion;  // of the list: where a watch goes on
};

// apiVersion of a resource type: "v1" or "group/version".
inline std::string apiVersion(const api::ResourceType& type) {
  std::string text(type.group);
  if (!text.empty()) text += '/';
  return text.append(type.version);
}

// {apiVersion, kind, metadata: {name[, namespace]}}, the frame of every body that we send.
inline nlohmann::json objectFrame(const api::ResourceType& type, const api::ObjectKey& key) {
  nlohmann::json frame{{"apiVersion", apiVersion(type)},
                       {"kind", std::string(type.kind)},
                       {"metadata", {{"name", key.name}}}};
  if (!key.ns.empty()) frame["metadata"]["namespace"] = key.ns;
  return frame;
}

namespace detail {

inline Error unreadable(const api::ResourceType& type, std::string_view why) {
  return Error::terminal("The API server's answer is not a readable " + std::string(type.kind) +
                         ": " + std::string(why));
}

// An API server sends whole JSON; the next answer may arrive as it was sent.
inline Error garbled(const api::ResourceType& type, std::string_view why) {
  Error error = unreadable(type, why);
  error.kind = ErrorKind::Transient;
  return error;
}

template <ApiObject T>
Result<T> decodeBody(const Result<std::string>& body) {
  if (!body) return fail(body.error());
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (const auto error = parser.parse(*body).get(root)) {
    return fail(garbled(T::resource, simdjson::error_message(error)));
  }
  return T::decode(root);
}

// A merge patch of metadata that only applies to the object as we know it. The resourceVersion is
// the guard, also against a namesake created since: the server never gives one out twice and
// answers 409. (A wrong uid would be 422, a failed test of a JSON patch too, and both look like our
// mistake.)
template <ApiObject T>
Result<T> patchMetadata(Client& client, const T& object, nlohmann::json metadata) {
  metadata["resourceVersion"] = object.metadata.resourceVersion;
  return decodeBody<T>(client.patch(T::resource, object.metadata.key(), PatchType::Merge,
                                    {{"metadata", std::move(metadata)}}));
}

}  // namespace detail

template <ApiObject T>
Result<T> getObject(Client& client, const api::ObjectKey& key) {
  return detail::decodeBody<T>(client.get(T::resource, key));
}

// One page; go on with options.continueToken = page.continueToken. Gone: the token is too old.
template <ApiObject T>
Result<Page<T>> listPage(Client& client, const ListOptions& options) {
  const Result<std::string> body = client.list(T::resource, options);
  if (!body) return fail(body.error());
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (const auto error = parser.parse(*body).get(root)) {
    return fail(detail::garbled(T::resource, simdjson::error_message(error)));
  }
  simdjson::dom::array items;
  if (root["items"].get(items)) {
    return fail(detail::unreadable(T::resource, "a list without items"));
  }
  Page<T> page;
  std::string_view text;
  if (!root["metadata"]["resourceVersion"].get(text)) page.resourceVersion = text;
  if (!root["metadata"]["continue"].get(text)) page.continueToken = text;
  for (const simdjson::dom::element item : items) {
    Result<T> object = T::decode(item);
    if (object) {
      page.items.push_back(std::move(*object));
    } else {
      page.undecodable.push_back({keyOf(item), std::move(object.error())});
    }
  }
  return page;
}

// Creates an object with the name, namespace, labels, annotations and finalizers of `meta`.
// AlreadyExists may also mean that an earlier try of ours got through (the transport may send a
// request again when a pooled connection turns out to be dead): look at what is there.
template <ApiObject T>
Result<T> createObject(Client& client, const api::ObjectMeta& meta, nlohmann::json spec) {
  nlohmann::json body = objectFrame(T::resource, meta.key());
  if (!meta.labels.empty()) body["metadata"]["labels"] = meta.labels;
  if (!meta.annotations.empty()) body["metadata"]["annotations"] = meta.annotations;
  if (!meta.finalizers.empty()) body["metadata"]["finalizers"] = meta.finalizers;
  body["spec"] = std::move(spec);
  return detail::decodeBody<T>(client.create(T::resource, body));
}

// Merge patch of the spec. Conflict when `object` is stale: what we write into a spec is a decision
// that was made from what we had read.
template <ApiObject T>
Result<T> patchSpec(Client& client, const T& object, nlohmann::json spec) {
  const nlohmann::json patch{{"metadata", {{"resourceVersion", object.metadata.resourceVersion}}},
                             {"spec", std::move(spec)}};
  return detail::decodeBody<T>(
      client.patch(T::resource, object.metadata.key(), PatchType::Merge, patch));
}

enum class StatusGuard {
  ResourceVersion,  // Conflict unless the object is still as `meta` says
  None,  // last writer wins, be it into a namesake created since: for mere observations only
};

// Server-side apply of all of the status that is `manager`'s: what `status` leaves out and the
// manager wrote before is removed. A uid in the body would guard nothing, the API server ignores
// it for /status; so the answer's uid is compared, too: Conflict when it was a namesake.
template <ApiObject T>
Result<T> applyStatus(Client& client, const api::ObjectMeta& meta, nlohmann::json status,
                      StatusGuard guard = StatusGuard::ResourceVersion,
                      const char* manager = api::kFieldManager) {
  nlohmann::json body = objectFrame(T::resource, meta.key());
  if (guard == StatusGuard::ResourceVersion) {
    body["metadata"]["resourceVersion"] = meta.resourceVersion;
  }
  body["status"] = std::move(status);
  Result<T> applied =
      detail::decodeBody<T>(client.apply(T::resource, body, {manager, true, "status"}));
  if (applied && applied->metadata.uid != meta.uid) {
    return fail(
        Error{ErrorKind::Conflict, std::string(T::resource.kind) + " " + meta.key().str() +
                                       " is not the one that it was: it was created again"});
  }
  return applied;
}

// Returns the object unchanged, and calls nobody, when the finalizer is there already. Conflict
// when `object` is stale.
template <ApiObject T>
Result<T> addFinalizer(Client& client, const T& object,
                       const std::string& finalizer = api::kFinalizer) {
  std::vector<std::string> finalizers = object.metadata.finalizers;
  if (std::find(finalizers.begin(), finalizers.end(), finalizer) != finalizers.end()) return object;
  finalizers.push_back(finalizer);
  return detail::patchMetadata(client, object, {{"finalizers", std::move(finalizers)}});
}

// Success when the finalizer, or the whole object, is gone already. Conflict when `object` is
// stale.
template <ApiObject T>
Status removeFinalizer(Client& client, const T& object,
                       const std::string& finalizer = api::kFinalizer) {
  std::vector<std::string> finalizers = object.metadata.finalizers;
  if (std::erase(finalizers, finalizer) == 0) return {};
  const auto answer =
      detail::patchMetadata(client, object, {{"finalizers", std::move(finalizers)}});
  if (!answer && answer.error().kind != ErrorKind::NotFound) return fail(answer.error());
  return {};
}

// Sets one annotation. Conflict when `object` is stale.
template <ApiObject T>
Result<T> setAnnotation(Client& client, const T& object, const std::string& key,
                        const std::string& value) {
  return detail::patchMetadata(client, object, {{"annotations", {{key, value}}}});
}

// Deletes this very object (uid), as it was when we read it (resourceVersion). Success when it is
// gone already; Conflict when it, or a namesake, is another one by now.
template <ApiObject T>
Status removeObject(Client& client, const T& object) {
  const auto& meta = object.metadata;
  Status answer =
      client.remove(T::resource, meta.key(), Preconditions{meta.uid, meta.resourceVersion});
  if (!answer && answer.error().kind != ErrorKind::NotFound) return answer;
  return {};
}

}  // namespace vnic::kube
