// SPDX-License-Identifier: Apache-2.0
#include "runtime/tracking_client.h"

#include <simdjson.h>

#include <algorithm>
#include <utility>

#include "kube/watch_decoder.h"

namespace vnic::runtime {

TrackingClient::Pass::Pass(TrackingClient& client, const api::ObjectKey& key) : client_(client) {
  const std::lock_guard lock(client_.mutex_);
  client_.passes_[std::this_thread::get_id()] = key;
}

TrackingClient::Pass::~Pass() {
  const std::lock_guard lock(client_.mutex_);
  client_.passes_.erase(std::this_thread::get_id());
}

bool TrackingClient::caughtUp(const api::ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  return std::all_of(writes_.begin(), writes_.end(), [&](auto& entry) {
    auto& [plural, writes] = entry;
    return writes.seenBy(key, caches_.find(plural)->second());
  });
}

Result<std::string> TrackingClient::written(const api::ResourceType& type,
                                            Result<std::string> answer) {
  if (!answer || !caches_.contains(type.plural)) return answer;
  simdjson::dom::parser parser;
  simdjson::dom::element object;
  // What is not an object is for the caller to complain about.
  if (parser.parse(*answer).get(object)) return answer;
  const std::lock_guard lock(mutex_);
  if (const auto pass = passes_.find(std::this_thread::get_id()); pass != passes_.end()) {
    writes_[std::string(type.plural)].record(pass->second, kube::resourceVersionOf(object));
  }
  return answer;
}

Result<std::string> TrackingClient::get(const api::ResourceType& type, const api::ObjectKey& key) {
  return next_.get(type, key);
}

Result<std::string> TrackingClient::list(const api::ResourceType& type,
                                         const kube::ListOptions& options) {
  return next_.list(type, options);
}

Status TrackingClient::watch(const api::ResourceType& type, const kube::WatchOptions& options,
                             const LineHandler& onLine, std::stop_token stop) {
  return next_.watch(type, options, onLine, std::move(stop));
}

Result<std::string> TrackingClient::create(const api::ResourceType& type,
                                           const nlohmann::json& object) {
  return written(type, next_.create(type, object));
}

Result<std::string> TrackingClient::update(const api::ResourceType& type,
                                           const nlohmann::json& object) {
  return written(type, next_.update(type, object));
}

Result<std::string> TrackingClient::patch(const api::ResourceType& type, const api::ObjectKey& key,
                                          kube::PatchType patchType, const nlohmann::json& body,
                                          std::string_view subresource) {
  return written(type, next_.patch(type, key, patchType, body, subresource));
}

Result<std::string> TrackingClient::apply(const api::ResourceType& type,
                                          const nlohmann::json& object,
                                          const kube::ApplyOptions& options) {
  return written(type, next_.apply(type, object, options));
}

Status TrackingClient::remove(const api::ResourceType& type, const api::ObjectKey& key,
                              const kube::Preconditions& preconditions) {
  return next_.remove(type, key, preconditions);
}

}  // namespace vnic::runtime
