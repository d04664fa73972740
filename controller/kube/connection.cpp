// SPDX-License-Identifier: Apache-2.0
#include "kube/connection.h"

#include <string>
#include <utility>

namespace vnic::kube {
namespace {

// host:port of a URL.
std::string authorityOf(const std::string& url) {
  const auto scheme = url.find("://");
  const auto begin = scheme == std::string::npos ? 0 : scheme + 3;
  return url.substr(begin, url.find('/', begin) - begin);
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(ClusterConfig config, Clock& clock,
                                                     const Logger& logger,
                                                     TransportOptions options) {
  std::unique_ptr<Connection> connection(new Connection(clock, logger));
  auto credentials = Credentials::open(std::move(config), clock, logger);
  if (!credentials) return fail(credentials.error());
  connection->credentials_ = std::move(*credentials);
  auto transport = CpprestTransport::create(
      connection->config().server,
      [source = connection->credentials_.get()] { return source->tls(); }, options);
  if (!transport) return fail(transport.error());
  connection->transport_ = std::move(*transport);
  return connection;
}

std::unique_ptr<Client> Connection::makeClient(RestOptions options, RequestObserver* observer,
                                               std::stop_token stop) {
  return std::make_unique<RestClient>(*transport_, *credentials_, clock_, logger_,
                                      std::move(options), authorityOf(config().server), observer,
                                      std::move(stop));
}

}  // namespace vnic::kube
