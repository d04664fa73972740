// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <utility>

#include "kube/client.h"
#include "kube/cpprest_transport.h"
#include "kube/credentials.h"
#include "kube/rest_client.h"

namespace vnic::kube {

// Everything from a ClusterConfig to clients: credentials, one transport (one pool of connections),
// and any number of clients over it. No request is made before the first call.
class Connection {
 public:
  // Error (Terminal, Invalid): a file or URL of the configuration cannot be used.
  static Result<std::unique_ptr<Connection>> open(ClusterConfig config, Clock& clock,
                                                  const Logger& logger,
                                                  TransportOptions options = {});

  // A client with limits of its own, so that what is urgent never waits behind what is not. `stop`
  // ends all its requests. The connection has to outlive it.
  std::unique_ptr<Client> makeClient(RestOptions options, RequestObserver* observer = nullptr,
                                     std::stop_token stop = {});

  const ClusterConfig& config() const { return credentials_->config(); }

 private:
  Connection(Clock& clock, Logger logger) : clock_(clock), logger_(std::move(logger)) {}

  Clock& clock_;
  const Logger logger_;
  std::unique_ptr<Credentials> credentials_;
  std::unique_ptr<HttpTransport> transport_;
};

}  // namespace vnic::kube
