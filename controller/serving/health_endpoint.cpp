// SPDX-License-Identifier: Apache-2.0
#include "serving/health_endpoint.h"

#include <utility>
#include <vector>

namespace vnic::serving {
namespace {

constexpr char kText[] = "text/plain; charset=utf-8";

Response report(const std::vector<runtime::HealthResult>& results, const std::string& name,
                bool verbose) {
  std::string lines;
  bool healthy = true;
  for (const auto& result : results) {
    if (result.failure) {
      healthy = false;
      lines += "[-]" + result.name + " failed: " + *result.failure + "\n";
    } else {
      lines += "[+]" + result.name + " ok\n";
    }
  }
  if (!healthy) return {500, kText, lines + name + " check failed\n"};
  return {200, kText, verbose ? lines + name + " check passed\n" : "ok"};
}

}  // namespace

Handler healthEndpoint(const runtime::Health& health, runtime::Health::Kind kind,
                       std::string path) {
  return [&health, kind, path = std::move(path)](const Request& request) -> Response {
    std::vector<runtime::HealthResult> results = health.run(kind);
    if (request.path.size() > path.size() + 1) {
      const std::string only = request.path.substr(path.size() + 1);
      std::erase_if(results, [&](const auto& result) { return result.name != only; });
      if (results.empty()) return {404, kText, "No such check\n"};
    }
    if (const auto exclude = request.query.find("exclude"); exclude != request.query.end()) {
      std::erase_if(results, [&](const auto& result) { return result.name == exclude->second; });
    }
    return report(results, path.substr(1), request.query.contains("verbose"));
  };
}

}  // namespace vnic::serving
