// SPDX-License-Identifier: Apache-2.0
#include "app/servers.h"

#include <charconv>

#include "serving/health_endpoint.h"
#include "serving/metrics_endpoint.h"
#include "serving/router.h"

namespace vnic::app {
namespace {

// "0.0.0.0:8080", ":8080", "[::1]:8080".
Result<serving::HttpServer::Options> parseAddress(const std::string& text) {
  serving::HttpServer::Options options;
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return fail(Error::invalid("must be ADDRESS:PORT, or 0 for off"));
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  if (!host.empty()) options.address = host;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, options.port);
  if (error != std::errc{} || rest != end) {
    return fail(Error::invalid("the port must be a number from 0 to 65535"));
  }
  return options;
}

}  // namespace

Status Servers::serve(const std::string& flag, const std::string& address, serving::Handler handler,
                      const Logger& log) {
  if (address == "0") return {};
  auto options = parseAddress(address);
  if (!options) return fail(Error::invalid(flag + " " + address + ": " + options.error().message));
  options->name = flag;
  options->bodyLimit = 1024;  // nothing here takes a body
  options->maxConnections = 32;
  auto server = std::make_unique<serving::HttpServer>(*options, std::move(handler), log);
  if (Status started = server->start(); !started) {
    started.error().message = flag + " " + address + ": " + started.error().message;
    return started;
  }
  servers_.push_back(std::move(server));
  return {};
}

Status Servers::start(const Options& options, const runtime::Health& health,
                      const runtime::Metrics& metrics, const Logger& log) {
  using Kind = runtime::Health::Kind;
  serving::Router checks;
  checks.add("/healthz", serving::healthEndpoint(health, Kind::Liveness, "/healthz"));
  checks.add("/readyz", serving::healthEndpoint(health, Kind::Readiness, "/readyz"));
  if (Status s = serve("--health-bind-address", options.healthBindAddress, checks, log); !s) {
    return s;
  }
  serving::Router scrape;
  scrape.add("/metrics", serving::metricsEndpoint(metrics));
  return serve("--metrics-bind-address", options.metricsBindAddress, scrape, log);
}

void Servers::stop() {
  for (auto& server : servers_) server->stop();
}

}  // namespace vnic::app
