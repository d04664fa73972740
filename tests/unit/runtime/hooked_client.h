// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "kube/client.h"

namespace vnic::runtime {

// A client in front of another one, where a test can let things happen before a request: time
// passes, somebody else writes, or the request fails.
class HookedClient final : public kube::Client {
 public:
  // verb: get, create, update, patch, delete. An error is the request's answer.
  using Hook = std::function<std::optional<Error>(const std::string& verb)>;

  explicit HookedClient(kube::Client& next) : next_(next) {}
  Hook hook = [](const std::string&) { return std::nullopt; };
  nlohmann::json body;  // of the update that the hook is called for

  Result<std::string> get(const api::ResourceType& t, const api::ObjectKey& k) override {
    if (auto error = hook("get")) return fail(*error);
    return next_.get(t, k);
  }
  Result<std::string> list(const api::ResourceType& t, const kube::ListOptions& o) override {
    return next_.list(t, o);
  }
  Status watch(const api::ResourceType& t, const kube::WatchOptions& o, const LineHandler& h,
               std::stop_token s) override {
    return next_.watch(t, o, h, s);
  }
  Result<std::string> create(const api::ResourceType& t, const nlohmann::json& o) override {
    if (auto error = hook("create")) return fail(*error);
    return next_.create(t, o);
  }
  Result<std::string> update(const api::ResourceType& t, const nlohmann::json& o) override {
    body = o;
    if (auto error = hook("update")) return fail(*error);
    return next_.update(t, o);
  }
  Result<std::string> patch(const api::ResourceType& t, const api::ObjectKey& k, kube::PatchType p,
                            const nlohmann::json& b, std::string_view s) override {
    if (auto error = hook("patch")) return fail(*error);
    return next_.patch(t, k, p, b, s);
  }
  Result<std::string> apply(const api::ResourceType& t, const nlohmann::json& o,
                            const kube::ApplyOptions& a) override {
    return next_.apply(t, o, a);
  }
  Status remove(const api::ResourceType& t, const api::ObjectKey& k,
                const kube::Preconditions& p) override {
    if (auto error = hook("delete")) return fail(*error);
    return next_.remove(t, k, p);
  }

 private:
  kube::Client& next_;
};

}  // namespace vnic::runtime
