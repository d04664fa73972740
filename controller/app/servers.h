// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "app/options.h"
#include "runtime/health.h"
#include "runtime/metrics.h"
#include "serving/http_server.h"
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

}  // namespace vnic::app
