// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "cache/own_writes.h"
#include "kube/client.h"

namespace vnic::runtime {

// One controller's way to the API server. It remembers what each key's passes wrote, so that the
// next pass for the key begins only when the caches have seen it: decided on an older cache, a pass
// would undo or repeat what the one before did. Thread-safe.
class TrackingClient final : public kube::Client {
 public:
  // The kinds that have a cache, by plural: up to which resourceVersion it has seen everything
  // (Informer::resourceVersion). What is written to other kinds has no cache to wait for.
  using Caches = std::map<std::string, std::function<std::string()>, std::less<>>;

  TrackingClient(kube::Client& next, Caches caches) : next_(next), caches_(std::move(caches)) {}

  // While it lives, what this thread writes counts for that key.
  class Pass {
   public:
    Pass(TrackingClient& client, const api::ObjectKey& key);
    ~Pass();
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

   private:
    TrackingClient& client_;
  };

  // Have the caches seen all that was written for that key?
  bool caughtUp(const api::ObjectKey& key);

  Result<std::string> get(const api::ResourceType& type, const api::ObjectKey& key) override;
  Result<std::string> list(const api::ResourceType& type,
                           const kube::ListOptions& options) override;
  Status watch(const api::ResourceType& type, const kube::WatchOptions& options,
               const LineHandler& onLine, std::stop_token stop) override;
  Result<std::string> create(const api::ResourceType& type, const nlohmann::json& object) override;
  Result<std::string> update(const api::ResourceType& type, const nlohmann::json& object) override;
  Result<std::string> patch(const api::ResourceType& type, const api::ObjectKey& key,
                            kube::PatchType patchType, const nlohmann::json& body,
                            std::string_view subresource = {}) override;
  Result<std::string> apply(const api::ResourceType& type, const nlohmann::json& object,
                            const kube::ApplyOptions& options) override;
  // Not remembered: the answer has no resourceVersion. A second deletion finds nothing to delete.
  Status remove(const api::ResourceType& type, const api::ObjectKey& key,
                const kube::Preconditions& preconditions) override;

 private:
  Result<std::string> written(const api::ResourceType& type, Result<std::string> answer);

  kube::Client& next_;
  const Caches caches_;
  std::mutex mutex_;
  std::map<std::thread::id, api::ObjectKey> passes_;
  std::map<std::string, cache::OwnWrites, std::less<>> writes_;  // by plural
};

}  // namespace vnic::runtime
