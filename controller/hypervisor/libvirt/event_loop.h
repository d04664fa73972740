// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <thread>

namespace vnic::hypervisor {

// The thread that runs libvirt's event loop: keep-alive, events and closed connections all come
// from it. libvirt knows one loop per process, so there is one while somebody holds it; the last
// holder must not be a callback, which runs on the loop's own thread.
class EventLoop {
 public:
  static std::shared_ptr<EventLoop> acquire();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

 private:
  EventLoop();

  std::atomic<bool> stop_ = false;
  int wakeUp_ = -1;
  std::thread thread_;
};

}  // namespace vnic::hypervisor
