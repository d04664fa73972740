// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "hypervisor/hypervisor.h"

namespace vnic::hypervisor {

// Where all hosts' events go. It outlives the adapter (callbacks and migration threads hold it),
// the handler does not: after close() nothing is passed on any more.
class EventSink {
 public:
  void setHandler(Hypervisor::EventHandler handler) {
    const std::lock_guard lock(mutex_);
    handler_ = std::move(handler);
  }
  void close() { setHandler(nullptr); }
  void emit(const HypervisorEvent& event) const {
    const std::lock_guard lock(mutex_);
    if (handler_) handler_(event);
  }

 private:
  mutable std::mutex mutex_;
  Hypervisor::EventHandler handler_;
};

}  // namespace vnic::hypervisor
