// SPDX-License-Identifier: Apache-2.0
// The API server in memory, with watches that stay open and deliver at once. Says when the line of
// a migration was handed to the operator, and when the operator asked for something because of it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "support/clock.h"
#include "support/fake_kube_client.h"

namespace vnic::bench {

class StreamingClient final : public kube::Client {
 public:
  explicit StreamingClient(test::FakeKubeClient& server) : server_(server) {}

  // From the moment when the operator was handed the line of that migration, which `create` makes,
  // to its first request that acts on a plan: the claim of the VM.
  Duration timeToPlan(const std::string& migration, const std::string& vmUuid,
                      const std::function<void()>& create);
  // Until nothing was written for so long.
  void awaitSilence(Duration silence);

  Result<std::string> get(const api::ResourceType& type, const api::ObjectKey& key) override;
  Result<std::string> list(const api::ResourceType& type, const kube::ListOptions& o) override {
    return server_.list(type, o);
  }
  Status watch(const api::ResourceType& type, const kube::WatchOptions& options,
               const LineHandler& onLine, std::stop_token stop) override;
  Result<std::string> create(const api::ResourceType& type, const nlohmann::json& o) override {
    return written(server_.create(type, o));
  }
  Result<std::string> update(const api::ResourceType& type, const nlohmann::json& o) override {
    return written(server_.update(type, o));
  }
  Result<std::string> patch(const api::ResourceType& type, const api::ObjectKey& key,
                            kube::PatchType patchType, const nlohmann::json& body,
                            std::string_view subresource) override {
    return written(server_.patch(type, key, patchType, body, subresource));
  }
  Result<std::string> apply(const api::ResourceType& type, const nlohmann::json& object,
                            const kube::ApplyOptions& options) override {
    return written(server_.apply(type, object, options));
  }
  Status remove(const api::ResourceType& type, const api::ObjectKey& key,
                const kube::Preconditions& p) override {
    return written(server_.remove(type, key, p));
  }

 private:
  template <class Answer>
  Answer written(Answer answer) {
    const std::lock_guard lock(mutex_);
    ++writes_;
    lastWrite_ = std::chrono::steady_clock::now();
    changed_.notify_all();
    return answer;
  }

  using Moment = std::chrono::steady_clock::time_point;

  test::FakeKubeClient& server_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::uint64_t writes_ = 0;
  Moment lastWrite_ = std::chrono::steady_clock::now();
  std::string awaitedLine_;   // a part of it
  std::string awaitedClaim_;  // name of the Lease
  std::optional<Moment> handedOver_;
  std::optional<Moment> planned_;
};

}  // namespace vnic::bench
