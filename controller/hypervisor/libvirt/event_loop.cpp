// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/libvirt/event_loop.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include <mutex>
#include <stdexcept>

namespace vnic::hypervisor {

std::shared_ptr<EventLoop> EventLoop::acquire() {
  static std::mutex mutex;
  static std::weak_ptr<EventLoop> current;
  const std::lock_guard lock(mutex);
  std::shared_ptr<EventLoop> loop = current.lock();
  if (!loop) {
    loop = std::shared_ptr<EventLoop>(new EventLoop);
    current = loop;
  }
  return loop;
}

EventLoop::EventLoop() {
  // Before any connection is opened, and once: libvirt keeps the first implementation for good.
  static std::once_flag registered;
  std::call_once(registered, [] {
    if (virInitialize() < 0 || virEventRegisterDefaultImpl() < 0) {
      throw std::runtime_error("libvirt's event loop cannot be set up");
    }
    // Errors are returned; libvirt would print each of them on stderr as well.
    virSetErrorFunc(nullptr, [](void*, virErrorPtr) {});
  });
  // A timer that never fires by itself; the loop blocks until something happens, and setting the
  // timer to zero is what makes it look at stop_.
  wakeUp_ = virEventAddTimeout(
      -1, [](int, void*) {}, nullptr, nullptr);
  thread_ = std::thread([this] {
    while (!stop_) virEventRunDefaultImpl();
  });
}

EventLoop::~EventLoop() {
  stop_ = true;
  virEventUpdateTimeout(wakeUp_, 0);
  thread_.join();
  virEventRemoveTimeout(wakeUp_);
}

}  // namespace vnic::hypervisor
