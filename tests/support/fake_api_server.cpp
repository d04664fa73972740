// SPDX-License-Identifier: Apache-2.0
#include "support/fake_api_server.h"

#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace vnic::test {
namespace {

using nlohmann::json;

constexpr auto kWatchPeriod = std::chrono::milliseconds(10);
const std::map<std::string, std::string> kJson{{"Content-Type", "application/json"}};

// /apis/GROUP/VERSION[/namespaces/NS]/PLURAL[/NAME[/SUBRESOURCE]]?QUERY; names need no escapes.
struct Target {
  explicit Target(const std::string& text) {
    const auto mark = text.find('?');
    std::vector<std::string> parts;
    std::istringstream path(text.substr(1, mark - 1));
    for (std::string part; std::getline(path, part, '/');) parts.push_back(part);
    if (mark != std::string::npos) query = "&" + text.substr(mark + 1) + "&";
    std::size_t next = 3;
    if (parts.size() > 4 && parts[3] == "namespaces") {
      key.ns = parts[4];
      next = 5;
    }
    if (next < parts.size()) plural = parts[next];
    if (next + 1 < parts.size()) key.name = parts[next + 1];
    if (next + 2 < parts.size()) subresource = parts[next + 2];
  }

  api::ResourceType type() const { return {"", "", plural, "", !key.ns.empty()}; }
  std::string parameter(const std::string& name) const {
    const auto begin = query.find("&" + name + "=");
    if (begin == std::string::npos) return "";
    const auto value = begin + name.size() + 2;
    return query.substr(value, query.find('&', value) - value);
  }

  std::string plural;
  api::ObjectKey key;
  std::string subresource;
  std::string query;
};

int codeOf(const Error& error) {
  return error.code != 0 ? error.code : 500;
}

std::string statusOf(const Error& error) {
  json status{{"kind", "Status"}, {"code", codeOf(error)}, {"message", error.message}};
  if (error.kind == ErrorKind::AlreadyExists) status["reason"] = "AlreadyExists";
  if (error.kind == ErrorKind::Conflict) status["reason"] = "Conflict";
  return status.dump();
}

std::string versionOf(const json& object) {
  return object.at("metadata").at("resourceVersion").get<std::string>();
}

std::string line(const char* type, const json& object) {
  return json{{"type", type}, {"object", object}}.dump() + "\n";
}

// Initial events if they are asked for, then whatever happens until the client leaves.
void watch(FakeKubeClient& objects, const Target& target, PeerConnection& connection) {
  connection.beginChunked(200, kJson);
  kube::WatchOptions options;
  options.ns = target.key.ns;
  options.resourceVersion = target.parameter("resourceVersion");
  if (!target.parameter("sendInitialEvents").empty()) {
    kube::ListOptions all;
    all.ns = target.key.ns;
    const json list = json::parse(objects.list(target.type(), all).value());
    for (const json& object : list.at("items")) connection.chunk(line("ADDED", object));
    options.resourceVersion = versionOf(list);
    connection.chunk(
        line("BOOKMARK", {{"metadata",
                           {{"resourceVersion", options.resourceVersion},
                            {"annotations", {{"k8s.io/initial-events-end", "true"}}}}}}));
  }
  while (!connection.closedWithin(kWatchPeriod)) {
    static_cast<void>(objects.watch(target.type(), options,
                                    [&](std::string_view text) {
                                      options.resourceVersion =
                                          versionOf(json::parse(text).at("object"));
                                      connection.chunk(std::string(text) + "\n");
                                    },
                                    {}));
  }
}

Result<std::string> answer(FakeKubeClient& objects, const PeerRequest& request,
                           const Target& target) {
  const api::ResourceType type = target.type();
  const json body = request.body.empty() ? json() : json::parse(request.body);
  if (request.method == "GET" && target.key.name.empty()) {
    kube::ListOptions options;
    options.ns = target.key.ns;
    return objects.list(type, options);
  }
  if (request.method == "GET") return objects.get(type, target.key);
  if (request.method == "POST") return objects.create(type, body);
  if (request.method == "PUT") return objects.update(type, body);
  if (request.method == "DELETE") {
    const json conditions = body.value("preconditions", json::object());
    const Status removed = objects.remove(type, target.key,
                                          {conditions.value("uid", std::string()),
                                           conditions.value("resourceVersion", std::string())});
    if (!removed) return fail(removed.error());
    return std::string(R"({"kind":"Status"})");
  }
  const std::string& patch = request.headers.at("content-type");
  if (patch == "application/apply-patch+yaml") {
    return objects.apply(type, body, {target.parameter("fieldManager"), true, target.subresource});
  }
  return objects.patch(
      type, target.key,
      patch == "application/json-patch+json" ? kube::PatchType::Json : kube::PatchType::Merge, body,
      target.subresource);
}

}  // namespace

FakeApiServer::FakeApiServer(Interference interference)
    : interference_(std::move(interference)),
      peer_({}, [this](const PeerRequest& request, PeerConnection& connection) {
        serve(request, connection);
      }) {}

void FakeApiServer::serve(const PeerRequest& request, PeerConnection& connection) {
  if (interference_ && interference_(request, connection)) return;
  const Target target(request.target);
  if (!target.parameter("watch").empty()) return watch(objects_, target, connection);
  const Result<std::string> result = answer(objects_, request, target);
  if (result) {
    connection.respond(request.method == "POST" ? 201 : 200, *result, kJson);
  } else {
    connection.respond(codeOf(result.error()), statusOf(result.error()), kJson);
  }
}

}  // namespace vnic::test
