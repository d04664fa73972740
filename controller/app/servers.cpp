// SPDX-License-Identifier: Apache-2.0
#include "app/servers.h"

#include <charconv>
#include <string>
#include <utility>

#include "serving/health_endpoint.h"
#include "serving/metrics_endpoint.h"
#include "serving/router.h"
#include "serving/server_certificate.h"

namespace vnic::app {
namespace {

// The API server takes objects of up to 3 MiB, and asks with the old and the new one.
constexpr std::uint64_t kReviewLimit = 7U << 20;

// "0.0.0.0:8080", ":8080", "[::1]:8080".
Result<serving::HttpServer::Options> parseAddress(const std::string& flag,
                                                  const std::string& text) {
  serving::HttpServer::Options options;
  options.name = flag;
  const auto wrong = [&](const char* why) {
    return fail(Error::invalid(flag + " " + text + ": " + why));
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return wrong("must be ADDRESS:PORT, or 0 for off");
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  if (!host.empty()) options.address = host;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, options.port);
  if (error != std::errc{} || rest != end) {
    return wrong("the port must be a number from 0 to 65535");
  }
  return options;
}

Result<std::unique_ptr<serving::HttpServer>> startServer(
    const serving::HttpServer::Options& options, const std::string& address,
    serving::Handler handler, const Logger& log) {
  auto server = std::make_unique<serving::HttpServer>(options, std::move(handler), log);
  if (Status started = server->start(); !started) {
    started.error().message = options.name + " " + address + ": " + started.error().message;
    return fail(started.error());
  }
  return server;
}

}  // namespace

Status Servers::serve(const std::string& flag, const std::string& address, serving::Handler handler,
                      const Logger& log) {
  if (address == "0") return {};
  auto options = parseAddress(flag, address);
  if (!options) return fail(options.error());
  options->bodyLimit = 1024;  // nothing here takes a body
  options->maxConnections = 32;
  auto server = startServer(*options, address, std::move(handler), log);
  if (!server) return fail(server.error());
  servers_.push_back(std::move(*server));
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

Result<std::unique_ptr<serving::HttpServer>> startWebhookServer(
    const Options& options, const std::string& path, serving::Handler review,
    runtime::Health& health, const Clock& clock, const Logger& log) {
  const std::string& address = options.webhookBindAddress;
  if (address == "0") return std::unique_ptr<serving::HttpServer>();
  auto server = parseAddress("--webhook-bind-address", address);
  if (!server) return fail(server.error());
  const auto certificate =
      std::make_shared<serving::ServerCertificate>(options.webhookCertDir, clock, log);
  health.add(runtime::Health::Kind::Readiness, "webhook",
             [certificate] { return certificate->problem(); });
  server->certificate = certificate;
  server->bodyLimit = kReviewLimit;
  serving::Router router;
  router.addPost(path, std::move(review));
  return startServer(*server, address, router, log);
}

}  // namespace vnic::app
