// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>
#include <thread>

namespace vnic::app {

// SIGTERM and SIGINT ask for an orderly end; a second one ends the process at once (exit code 1).
// To be made before any other thread, because threads inherit which signals are blocked.
class ShutdownSignals {
 public:
  ShutdownSignals();
  ~ShutdownSignals();

  std::stop_token token() const { return source_.get_token(); }
  // The same from inside the program.
  void request() { source_.request_stop(); }

 private:
  void wait(std::stop_token stop);

  std::stop_source source_;
  std::jthread thread_;
};

}  // namespace vnic::app
