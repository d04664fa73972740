// SPDX-License-Identifier: Apache-2.0
#include "sim/api_line.h"

#include <chrono>
#include <string>

#include "sim/operator_process.h"
#include "sim/world.h"

namespace vnic::sim {
namespace {

using namespace std::chrono_literals;

constexpr Duration kRoundTrip = 2ms;

Error lost() {
  return Error::transient("connection to the API server reset");
}

std::string named(const char* verb, const api::ResourceType& type, const api::ObjectKey& key,
                  std::string_view subresource = {}) {
  std::string text = std::string(verb) + " " + std::string(type.plural);
  if (!subresource.empty()) text += "/" + std::string(subresource);
  return text + " " + key.str();
}

api::ObjectKey keyOf(const nlohmann::json& object) {
  const auto& metadata = object.at("metadata");
  return {metadata.value("namespace", ""), metadata.value("name", "")};
}

}  // namespace

template <class Answer>
Answer ApiLine::write(const std::string& what, const std::function<Answer()>& call) {
  if (!process_.alive()) return vnic::fail(lost());
  count();
  ++world_.callsOfPass.writes;
  world_.duringCall(process_, kRoundTrip);
  if (!process_.alive()) return vnic::fail(lost());
  std::optional<LineFault> fault;
  if (world_.serverAway) return vnic::fail(lost());
  if (!faults_.empty()) {
    fault = faults_.front();
    faults_.pop_front();
  }
  if (fault == LineFault::Lost) {
    world_.trace(process_, what + " (lost)");
    return vnic::fail(lost());
  }
  if (fault == LineFault::Conflict) {
    world_.trace(process_, what + " (conflict)");
    return vnic::fail(Error{ErrorKind::Conflict, "the object has been modified", 409});
  }
  const std::uint64_t before = world_.server.version();
  Answer answer = call();
  world_.trace(process_, what + (answer ? "" : " (" + answer.error().message + ")"));
  if (world_.server.version() != before) process_.countEffect();
  if (fault == LineFault::AnswerLost) return vnic::fail(lost());
  return answer;
}

void ApiLine::count() {
  ++world_.apiCalls;
  ++world_.callsOfPass.all;
}

Result<std::string> ApiLine::get(const api::ResourceType& type, const api::ObjectKey& key) {
  if (!process_.alive()) return vnic::fail(lost());
  count();
  world_.duringCall(process_, kRoundTrip);
  if (world_.serverAway) return vnic::fail(lost());
  return world_.server.get(type, key);
}

Result<std::string> ApiLine::list(const api::ResourceType& type, const kube::ListOptions& options) {
  if (!process_.alive()) return vnic::fail(lost());
  count();
  world_.duringCall(process_, kRoundTrip);
  if (world_.serverAway) return vnic::fail(lost());
  return world_.server.list(type, options);
}

Status ApiLine::watch(const api::ResourceType& type, const kube::WatchOptions& options,
                      const LineHandler& onLine, std::stop_token) {
  if (!process_.alive() || world_.serverAway || process_.takeBreak(type)) return vnic::fail(lost());
  const auto lines = world_.server.linesUpTo(type, options, ~std::uint64_t{0});
  if (!lines) return vnic::fail(lines.error());
  for (const std::string& line : *lines) onLine(line);
  return {};
}

Result<std::string> ApiLine::create(const api::ResourceType& type, const nlohmann::json& object) {
  return write<Result<std::string>>(named("create", type, keyOf(object)),
                                    [&] { return world_.server.create(type, object); });
}

Result<std::string> ApiLine::update(const api::ResourceType& type, const nlohmann::json& object) {
  return write<Result<std::string>>(named("update", type, keyOf(object)),
                                    [&] { return world_.server.update(type, object); });
}

Result<std::string> ApiLine::patch(const api::ResourceType& type, const api::ObjectKey& key,
                                   kube::PatchType patchType, const nlohmann::json& body,
                                   std::string_view subresource) {
  return write<Result<std::string>>(named("patch", type, key, subresource), [&] {
    return world_.server.patch(type, key, patchType, body, subresource);
  });
}

Result<std::string> ApiLine::apply(const api::ResourceType& type, const nlohmann::json& object,
                                   const kube::ApplyOptions& options) {
  return write<Result<std::string>>(named("apply", type, keyOf(object), options.subresource),
                                    [&] { return world_.server.apply(type, object, options); });
}

Status ApiLine::remove(const api::ResourceType& type, const api::ObjectKey& key,
                       const kube::Preconditions& preconditions) {
  return write<Status>(named("delete", type, key),
                       [&] { return world_.server.remove(type, key, preconditions); });
}

}  // namespace vnic::sim
