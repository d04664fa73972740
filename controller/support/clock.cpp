// SPDX-License-Identifier: Apache-2.0
#include "support/clock.h"

#include <condition_variable>
#include <mutex>

namespace vnic {

bool SystemClock::sleepFor(Duration duration, std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any wakeup;
  std::unique_lock lock(mutex);
  wakeup.wait_for(lock, stop, duration, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace vnic
