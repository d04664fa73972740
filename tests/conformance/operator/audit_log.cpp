// SPDX-License-Identifier: Apache-2.0
#include "conformance/operator/audit_log.h"

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <set>
#include <stdexcept>
#include <utility>

#include "support/eventually.h"

namespace vnic::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

Permission permissionOf(const json& event) {
  Permission permission;
  permission.verb = event.at("verb");
  if (!event.contains("objectRef")) {
    permission.resource = event.at("requestURI");
    return permission;
  }
  const json& object = event.at("objectRef");
  permission.group = object.value("apiGroup", "");
  permission.resource = object.at("resource");
  if (object.contains("subresource")) {
    permission.resource += "/" + object.at("subresource").get<std::string>();
  }
  permission.ns = object.value("namespace", "");
  return permission;
}

// nullopt: some request is not answered yet.
std::optional<std::vector<AuditedRequest>> read(const std::filesystem::path& file,
                                                const std::string& user) {
  std::vector<AuditedRequest> requests;
  std::set<std::string> begun, answered;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    const json event = json::parse(line, nullptr, false);
    if (event.is_discarded()) return std::nullopt;  // the last line, half written
    if (event.at("user").at("username") != user) continue;
    const std::string id = event.at("auditID");
    if (event.at("stage") == "RequestReceived") {
      begun.insert(id);
    } else if (answered.insert(id).second) {
      requests.push_back({permissionOf(event), event.at("responseStatus").at("code")});
      // Server-side apply of what was not there: that is authorized a second time.
      if (requests.back().permission.verb == "patch" && requests.back().code == 201) {
        requests.push_back(requests.back());
        requests.back().permission.verb = "create";
      }
    }
  }
  if (begun.size() > answered.size()) return std::nullopt;
  return requests;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Permission& permission) {
  out << permission.verb << ' ' << permission.resource;
  if (!permission.group.empty()) out << '.' << permission.group;
  if (!permission.ns.empty()) out << " in " << permission.ns;
  return out;
}

std::vector<AuditedRequest> readAuditLog(const std::filesystem::path& file,
                                         const std::string& user) {
  std::optional<std::vector<AuditedRequest>> requests;
  if (eventually(
          10s, [&] { return (requests = read(file, user)).has_value(); }, 50ms)) {
    return std::move(*requests);
  }
  throw std::runtime_error("requests of " + user + " in " + file.string() + " have no answer");
}

}  // namespace vnic::test
