// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <libvirt/libvirt.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "hypervisor/libvirt/event_loop.h"
#include "hypervisor/libvirt/event_registration.h"
#include "hypervisor/libvirt/options.h"
#include "support/error.h"

namespace vnic::hypervisor {

// One open connection to a host, with keep-alive. Closing it may block when the host hangs, so the
// destructor leaves that to a thread of its own.
class Link {
 public:
  using OnClosed = std::function<void()>;

  // Blocks until the host answers, which may be never. `onClosed` is called on the event loop's thread.
  static Result<std::shared_ptr<Link>> open(const std::string& uri, const LibvirtOptions& options,
                                            std::shared_ptr<EventLoop> loop, OnClosed onClosed);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  void subscribe(const std::string& host, const std::shared_ptr<EventSink>& sink);
  bool closed() const { return *closed_; }
  virConnectPtr get() const { return connection_; }

 private:
  Link(virConnectPtr connection, std::shared_ptr<EventLoop> loop);

  virConnectPtr connection_;
  std::shared_ptr<EventLoop> loop_;
  std::shared_ptr<std::atomic<bool>> closed_;
  EventRegistration events_;
};

}  // namespace vnic::hypervisor
