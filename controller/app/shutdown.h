// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>
#include <thread>

#include "support/clock.h"
#include "support/log.h"

namespace vnic::app {

// SIGTERM and SIGINT ask for an orderly end. A second one, or `grace` passing before the orderly
// end is reached, ends the process at once (exit code 1): better so, with the Lease kept until it
// ends by itself, than killed at any moment. To be made before any other thread, because threads
// inherit which signals are blocked.
class ShutdownSignals {
 public:
  ShutdownSignals(Duration grace, const Logger& log);
  ~ShutdownSignals();

  std::stop_token token() const { return source_.get_token(); }
  // The same from inside the program.
  void request() { source_.request_stop(); }

 private:
  void wait(std::stop_token stop);

  const Duration grace_;
  const Logger log_;
  std::stop_source source_;
  std::jthread thread_;
};

}  // namespace vnic::app
