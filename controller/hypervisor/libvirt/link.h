// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <libvirt/libvirt.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "hypervisor/libvirt/event_loop.h"
#include "hypervisor/libvirt/event_registration.h"
#include "hypervisor/libvirt/options.h"
#include "support/error.h"

namespace vnic::hypervisor {

// Counts connections until they are closed, so that the process's end can give them a moment:
// libvirt's libraries take themselves down at exit, under the feet of threads that are still
// closing.
class OpenLinks {
 public:
  void add();
  void remove();
  bool waitUntilNone(Duration timeout);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

// One open connection to a host, with keep-alive. Closing it may block when the host hangs, so the
// destructor leaves that to a thread of its own.
class Link {
 public:
  using OnClosed = std::function<void()>;

  // Blocks until the host answers, which may be never. `onClosed` is called on the event loop's
  // thread. `count` may be null.
  static Result<std::shared_ptr<Link>> open(const std::string& uri, const LibvirtOptions& options,
                                            std::shared_ptr<EventLoop> loop,
                                            std::shared_ptr<OpenLinks> count, OnClosed onClosed);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  void subscribe(const std::string& host, const std::shared_ptr<EventSink>& sink);
  bool closed() const { return *closed_; }
  // Looks whether it is, where libvirt has told nobody: with two calls waiting as the keep-alive
  // gives up, both fail and the close callback is never called (libvirt 9.0). Asks no host.
  void noticeSilentClose();
  virConnectPtr get() const { return connection_; }

 private:
  Link(virConnectPtr connection, std::shared_ptr<EventLoop> loop, std::shared_ptr<OpenLinks> count);

  virConnectPtr connection_;
  std::shared_ptr<EventLoop> loop_;
  std::shared_ptr<OpenLinks> count_;
  std::shared_ptr<std::atomic<bool>> closed_;
  EventRegistration events_;
};

}  // namespace vnic::hypervisor
