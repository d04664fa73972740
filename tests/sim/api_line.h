// SPDX-License-Identifier: Apache-2.0
// One process's line to the API server: it is slow, breaks, and may carry a write through although
// the answer is lost.
#pragma once

#include <deque>
#include <functional>
#include <string>

#include "support/fake_kube_client.h"

namespace vnic::sim {

class World;
class OperatorProcess;

// What happens to one call to come.
enum class LineFault {
  Lost,        // it never arrives
  AnswerLost,  // it is carried out, the caller hears of an error
  Conflict,    // somebody was faster (API server only)
};

// What passes ask of the API server.
struct ApiCalls {
  std::uint64_t all = 0;
  std::uint64_t writes = 0;  // those of them that may change something
};

class ApiLine final : public kube::Client {
 public:
  ApiLine(World& world, OperatorProcess& process) : world_(world), process_(process) {}

  void fail(LineFault fault) { faults_.push_back(fault); }  // the next write

  Result<std::string> get(const api::ResourceType& type, const api::ObjectKey& key) override;
  Result<std::string> list(const api::ResourceType& type,
                           const kube::ListOptions& options) override;
  Status watch(const api::ResourceType& type, const kube::WatchOptions& options,
               const LineHandler& onLine, std::stop_token stop) override;
  Result<std::string> create(const api::ResourceType& type, const nlohmann::json& object) override;
  Result<std::string> update(const api::ResourceType& type, const nlohmann::json& object) override;
  Result<std::string> patch(const api::ResourceType& type, const api::ObjectKey& key,
                            kube::PatchType patchType, const nlohmann::json& body,
                            std::string_view subresource) override;
  Result<std::string> apply(const api::ResourceType& type, const nlohmann::json& object,
                            const kube::ApplyOptions& options) override;
  Status remove(const api::ResourceType& type, const api::ObjectKey& key,
                const kube::Preconditions& preconditions) override;

 private:
  void count();
  template <class Answer>
  Answer write(const std::string& what, const std::function<Answer()>& call);

  World& world_;
  OperatorProcess& process_;
  std::deque<LineFault> faults_;
};

}  // namespace vnic::sim
