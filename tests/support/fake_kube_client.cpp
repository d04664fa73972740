// SPDX-License-Identifier: Apache-2.0
#include "support/fake_kube_client.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/names.h"
#include "support/time_format.h"

namespace vnic::test {
namespace {

using nlohmann::json;

constexpr char kCreated[] = "2026-01-01T00:00:00Z";
constexpr char kDeleted[] = "2026-01-01T01:00:00Z";

std::string text(const json& object, const char* field) {
  return object.value("metadata", json::object()).value(field, std::string());
}

api::ObjectKey keyOf(const json& object) {
  return {text(object, "namespace"), text(object, "name")};
}

Error notFound(const api::ResourceType& type, const api::ObjectKey& key) {
  return {ErrorKind::NotFound, fmt::format("{} \"{}\" not found", type.plural, key.str()), 404};
}

Error conflict(const std::string& what) {
  return {ErrorKind::Conflict, "Operation cannot be fulfilled: " + what, 409};
}

// A uid or resourceVersion in a body is a precondition.
std::optional<Error> checkGuards(const json& stored, const json& body, bool uidCounts) {
  const std::string version = text(body, "resourceVersion");
  if (!version.empty() && version != text(stored, "resourceVersion")) {
    return conflict("the object has been modified");
  }
  const std::string uid = text(body, "uid");
  if (uidCounts && !uid.empty() && uid != text(stored, "uid")) return conflict("another uid");
  return std::nullopt;
}

// Removes from `object` what `before` has and `now` has not; objects are compared field by field.
void removeLeftOut(json& object, const json& before, const json& now) {
  for (const auto& [field, value] : before.items()) {
    if (!object.contains(field)) continue;
    if (!now.contains(field)) {
      object.erase(field);
    } else if (value.is_object() && now[field].is_object() && object[field].is_object()) {
      removeLeftOut(object[field], value, now[field]);
    }
  }
}

// A write to the object itself leaves the status alone, one to the status everything else.
json withinSubresource(const json& stored, json changed, std::string_view subresource) {
  if (subresource == "status") {
    json result = stored;
    if (changed.contains("status")) {
      result["status"] = changed["status"];
    } else {
      result.erase("status");
    }
    return result;
  }
  if (stored.contains("status")) {
    changed["status"] = stored["status"];
  } else {
    changed.erase("status");
  }
  return changed;
}

}  // namespace

void FakeKubeClient::failNext(const std::string& verb, const std::string& plural, Error error) {
  const std::lock_guard lock(mutex_);
  failures_[{verb, plural}].push_back(std::move(error));
}

std::vector<std::string> FakeKubeClient::writes() const {
  const std::lock_guard lock(mutex_);
  return writes_;
}

void FakeKubeClient::forgetWrites() {
  const std::lock_guard lock(mutex_);
  writes_.clear();
}

std::string FakeKubeClient::insert(const api::ResourceType& type, json object) {
  const std::lock_guard lock(mutex_);
  const Id id{std::string(type.plural), keyOf(object)};
  json& metadata = object["metadata"];
  if (text(object, "uid").empty()) metadata["uid"] = fmt::format("uid-{}", ++lastUid_);
  if (!metadata.contains("generation")) metadata["generation"] = 1;
  if (text(object, "creationTimestamp").empty()) {
    metadata["creationTimestamp"] = timestamp(kCreated);
  }
  metadata["resourceVersion"] = stamp();
  // What a test puts there counts as applied by the operator, which then may leave it out.
  if (object.contains("status")) {
    applied_[{id, std::string(api::kFieldManager) + "/status"}] = {{"status", object["status"]}};
  }
  tell("ADDED", id, object);
  objects_[id] = object;
  return object.dump();
}

std::optional<std::string> FakeKubeClient::peek(const api::ResourceType& type,
                                                const api::ObjectKey& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find({std::string(type.plural), key});
  if (found == objects_.end()) return std::nullopt;
  return found->second.dump();
}

std::vector<std::string> FakeKubeClient::peekAll(const api::ResourceType& type) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> all;
  for (const auto& [id, object] : objects_) {
    if (id.first == type.plural) all.push_back(object.dump());
  }
  return all;
}

std::optional<Error> FakeKubeClient::takeFailure(const char* verb, const api::ResourceType& type) {
  auto& queue = failures_[{verb, std::string(type.plural)}];
  if (queue.empty()) return std::nullopt;
  Error error = std::move(queue.front());
  queue.pop_front();
  return error;
}

void FakeKubeClient::note(const char* verb, const api::ResourceType& type,
                          const api::ObjectKey& key, std::string_view subresource) {
  writes_.push_back(fmt::format("{} {}{}{} {}", verb, type.plural, subresource.empty() ? "" : "/",
                                subresource, key.str()));
}

std::string FakeKubeClient::stamp() {
  return std::to_string(++version_);
}

std::string FakeKubeClient::timestamp(const char* otherwise) const {
  return wall ? formatTime(wall()) : otherwise;
}

void FakeKubeClient::tell(const char* what, const Id& id, const json& object) {
  histories_[id.first].happenings.push_back({id.second, version_,
                                             std::string_view(what) == "DELETED",
                                             std::make_shared<const json>(object), what});
}

Result<std::string> FakeKubeClient::store(const Id& id, json object) {
  json& stored = objects_.at(id);
  for (const char* field : {"uid", "resourceVersion", "generation", "creationTimestamp",
                            "deletionTimestamp", "name", "namespace"}) {
    if (stored["metadata"].contains(field)) {
      object["metadata"][field] = stored["metadata"][field];
    } else {
      object["metadata"].erase(field);
    }
  }
  if (object["metadata"].contains("finalizers") && object["metadata"]["finalizers"].empty()) {
    object["metadata"].erase("finalizers");
  }
  if (object == stored) return stored.dump();
  if (object.value("spec", json()) != stored.value("spec", json())) {
    object["metadata"]["generation"] = stored["metadata"]["generation"].get<std::int64_t>() + 1;
  }
  object["metadata"]["resourceVersion"] = stamp();
  if (object["metadata"].contains("deletionTimestamp") &&
      !object["metadata"].contains("finalizers")) {
    tell("DELETED", id, object);
    objects_.erase(id);
    std::erase_if(applied_, [&](const auto& entry) { return entry.first.first == id; });
  } else {
    tell("MODIFIED", id, object);
    stored = object;
  }
  return object.dump();
}

Result<std::string> FakeKubeClient::get(const api::ResourceType& type, const api::ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  if (auto error = takeFailure("get", type)) return fail(std::move(*error));
  auto object = peek(type, key);
  if (!object) return fail(notFound(type, key));
  return std::move(*object);
}

Result<std::string> FakeKubeClient::list(const api::ResourceType& type,
                                         const kube::ListOptions& options) {
  const std::lock_guard lock(mutex_);
  if (auto error = takeFailure("list", type)) return fail(std::move(*error));
  json items = json::array();
  for (const auto& [id, object] : objects_) {
    if (id.first == type.plural && (options.ns.empty() || id.second.ns == options.ns)) {
      items.push_back(object);
    }
  }
  return json{{"metadata", {{"resourceVersion", std::to_string(version_)}}}, {"items", items}}
      .dump();
}

Result<std::vector<std::string>> FakeKubeClient::linesUpTo(const api::ResourceType& type,
                                                           const kube::WatchOptions& options,
                                                           std::uint64_t until) const {
  const std::lock_guard lock(mutex_);
  static const History kNothing;
  const auto found = histories_.find(type.plural);
  const History& history = found == histories_.end() ? kNothing : found->second;
  const auto mine = [&](const api::ObjectKey& key) {
    return options.ns.empty() || key.ns == options.ns;
  };
  std::vector<std::string> lines;
  std::uint64_t after = options.resourceVersion.empty() ? 0 : std::stoull(options.resourceVersion);
  if (options.sendInitialEvents) {
    // From a moment not older than the one that was asked for.
    after = std::max({after, history.compacted, std::min(until, version_)});
    auto objects = history.base;
    for (const Happening& happening : history.happenings) {
      if (happening.version > after) break;
      if (happening.deleted) {
        objects.erase(happening.key);
      } else {
        objects[happening.key] = happening.object;
      }
    }
    for (const auto& [key, object] : objects) {
      if (mine(key)) lines.push_back(json{{"type", "ADDED"}, {"object", *object}}.dump());
    }
    lines.push_back(json{{"type", "BOOKMARK"},
                         {"object",
                          {{"kind", std::string(type.kind)},
                           {"apiVersion", kube::apiVersion(type)},
                           {"metadata",
                            {{"resourceVersion", std::to_string(after)},
                             {"annotations", {{"k8s.io/initial-events-end", "true"}}}}}}}}
                        .dump());
  } else if (after < history.compacted && !options.resourceVersion.empty()) {
    return fail(Error{ErrorKind::Gone, fmt::format("too old resource version: {}", after), 410});
  }
  const auto& all = history.happenings;
  auto happening = std::upper_bound(
      all.begin(), all.end(), after,
      [](std::uint64_t version, const Happening& h) { return version < h.version; });
  for (; happening != all.end() && happening->version <= until; ++happening) {
    if (!mine(happening->key)) continue;
    lines.push_back(json{{"type", happening->type}, {"object", *happening->object}}.dump());
  }
  return lines;
}

std::uint64_t FakeKubeClient::version() const {
  const std::lock_guard lock(mutex_);
  return version_;
}

std::uint64_t FakeKubeClient::versionOf(const api::ResourceType& type) const {
  const std::lock_guard lock(mutex_);
  const auto found = histories_.find(type.plural);
  if (found == histories_.end()) return 0;
  const History& history = found->second;
  return history.happenings.empty() ? history.compacted : history.happenings.back().version;
}

void FakeKubeClient::compact() {
  const std::lock_guard lock(mutex_);
  for (auto& [plural, history] : histories_) {
    for (const Happening& happening : history.happenings) {
      if (happening.deleted) {
        history.base.erase(happening.key);
      } else {
        history.base[happening.key] = happening.object;
      }
      history.compacted = happening.version;
    }
    history.happenings.clear();
  }
}

Status FakeKubeClient::watch(const api::ResourceType& type, const kube::WatchOptions& options,
                             const LineHandler& onLine, std::stop_token) {
  const auto lines = linesUpTo(type, options, ~std::uint64_t{0});
  if (!lines) return fail(lines.error());
  for (const std::string& line : *lines) onLine(line);
  return {};
}

Result<std::string> FakeKubeClient::create(const api::ResourceType& type, const json& object) {
  const std::lock_guard lock(mutex_);
  if (auto error = takeFailure("create", type)) return fail(std::move(*error));
  const api::ObjectKey key = keyOf(object);
  if (objects_.contains({std::string(type.plural), key})) {
    return fail(Error{ErrorKind::AlreadyExists,
                      fmt::format("{} \"{}\" already exists", type.plural, key.str()), 409});
  }
  json body = object;
  body.erase("status");
  for (const char* field : {"uid", "resourceVersion", "generation", "creationTimestamp"}) {
    body["metadata"].erase(field);
  }
  note("create", type, key);
  return insert(type, std::move(body));
}

Result<std::string> FakeKubeClient::update(const api::ResourceType& type, const json& object) {
  const std::lock_guard lock(mutex_);
  if (auto error = takeFailure("update", type)) return fail(std::move(*error));
  const Id id{std::string(type.plural), keyOf(object)};
  const auto found = objects_.find(id);
  if (found == objects_.end()) return fail(notFound(type, id.second));
  if (auto error = checkGuards(found->second, object, true)) return fail(std::move(*error));
  note("update", type, id.second);
  return store(id, withinSubresource(found->second, object, {}));
}

Result<std::string> FakeKubeClient::patch(const api::ResourceType& type, const api::ObjectKey& key,
                                          kube::PatchType patchType, const json& body,
                                          std::string_view subresource) {
  const std::lock_guard lock(mutex_);
  if (auto error = takeFailure("patch", type)) return fail(std::move(*error));
  const Id id{std::string(type.plural), key};
  const auto found = objects_.find(id);
  if (found == objects_.end()) return fail(notFound(type, key));
  json changed = found->second;
  if (patchType == kube::PatchType::Merge) {
    if (auto error = checkGuards(found->second, body, true)) return fail(std::move(*error));
    changed.merge_patch(body);
  } else {
    try {
      changed = changed.patch(body);
    } catch (const json::exception& error) {
      return fail(Error{ErrorKind::Invalid, error.what(), 422});
    }
  }
  note("patch", type, key, subresource);
  return store(id, withinSubresource(found->second, std::move(changed), subresource));
}

Result<std::string> FakeKubeClient::apply(const api::ResourceType& type, const json& object,
                                          const kube::ApplyOptions& options) {
  const std::lock_guard lock(mutex_);
  if (auto error = takeFailure("apply", type)) return fail(std::move(*error));
  const Id id{std::string(type.plural), keyOf(object)};
  const auto found = objects_.find(id);
  const std::pair<Id, std::string> manager{id, options.fieldManager + "/" + options.subresource};
  json intent = object;
  intent.erase("apiVersion");
  intent.erase("kind");
  if (found == objects_.end()) {
    if (!options.subresource.empty()) return fail(notFound(type, id.second));
    if (!text(object, "resourceVersion").empty()) return fail(conflict("it was deleted"));
    note("apply", type, id.second);
    applied_[manager] = intent;
    return insert(type, object);
  }
  // A real API server ignores the uid of an apply to a subresource.
  if (auto error = checkGuards(found->second, object, options.subresource.empty())) {
    return fail(std::move(*error));
  }
  note("apply", type, id.second, options.subresource);
  json changed = found->second;
  if (const auto before = applied_.find(manager); before != applied_.end()) {
    removeLeftOut(changed, before->second, intent);
  }
  changed.merge_patch(intent);
  applied_[manager] = intent;
  return store(id, withinSubresource(found->second, std::move(changed), options.subresource));
}

Status FakeKubeClient::remove(const api::ResourceType& type, const api::ObjectKey& key,
                              const kube::Preconditions& preconditions) {
  const std::lock_guard lock(mutex_);
  if (auto error = takeFailure("delete", type)) return fail(std::move(*error));
  const Id id{std::string(type.plural), key};
  const auto found = objects_.find(id);
  if (found == objects_.end()) return fail(notFound(type, key));
  const json guards{
      {"metadata",
       {{"uid", preconditions.uid}, {"resourceVersion", preconditions.resourceVersion}}}};
  if (auto error = checkGuards(found->second, guards, true)) return fail(std::move(*error));
  note("delete", type, key);
  json& stored = found->second;
  if (stored["metadata"].contains("finalizers") && !stored["metadata"]["finalizers"].empty()) {
    if (!stored["metadata"].contains("deletionTimestamp")) {
      stored["metadata"]["deletionTimestamp"] = timestamp(kDeleted);
      stored["metadata"]["generation"] = stored["metadata"]["generation"].get<std::int64_t>() + 1;
      stored["metadata"]["resourceVersion"] = stamp();
      tell("MODIFIED", id, stored);
    }
    return {};
  }
  stored["metadata"]["resourceVersion"] = stamp();
  tell("DELETED", id, stored);
  objects_.erase(found);
  std::erase_if(applied_, [&](const auto& entry) { return entry.first.first == id; });
  return {};
}

}  // namespace vnic::test
