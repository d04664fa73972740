// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/clock.h"

namespace vnic::queue {

// What a work queue tells about itself. Called with the queue's lock held: no call may block or
// reach back into the queue. The names of the metrics are in runtime/metrics.h.
class QueueMetrics {
 public:
  virtual ~QueueMetrics() = default;
  virtual void added() = 0;                                 // a key became ready to be worked on
  virtual void depthChanged(int priority, int change) = 0;  // ready keys of that priority
  virtual void started(Duration waited) = 0;  // a worker took a key that was ready so long
  virtual void finished(Duration worked) = 0;
  virtual void retried() = 0;  // a rate-limited add
};

}  // namespace vnic::queue
