// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/options.h"
#include "runtime/health.h"
#include "runtime/metrics.h"
#include "serving/http_server.h"
#include "support/clock.h"
#include "support/error.h"

namespace vnic::app {

// /healthz and /readyz, and /metrics, each at its own address. Leader or not, they always answer.
class Servers {
 public:
  // Invalid: an address that is none; Transient: the port is in use. Names the flag.
  Status start(const Options& options, const runtime::Health& health,
               const runtime::Metrics& metrics, const Logger& log);
  void stop();

 private:
  Status serve(const std::string& flag, const std::string& address, serving::Handler handler,
               const Logger& log);

  std::vector<std::unique_ptr<serving::HttpServer>> servers_;
};

// The webhook's server, nullptr when it is off. To be started once there is something to judge
// from; `review` gets what is posted to `path`. Until it has a certificate the process is not
// ready.
Result<std::unique_ptr<serving::HttpServer>> startWebhookServer(
    const Options& options, const std::string& path, serving::Handler review,
    runtime::Health& health, const Clock& clock, const Logger& log);

}  // namespace vnic::app
