// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/libvirt/link.h"

#include <system_error>
#include <thread>

#include "hypervisor/libvirt/errors.h"

namespace vnic::hypervisor {
namespace {

struct CloseNotice {
  std::shared_ptr<std::atomic<bool>> closed;
  Link::OnClosed onClosed;
};

void onClose(virConnectPtr, int, void* opaque) {
  const auto* notice = static_cast<const CloseNotice*>(opaque);
  *notice->closed = true;
  if (notice->onClosed) notice->onClosed();
}

void release(void* opaque) { delete static_cast<CloseNotice*>(opaque); }

}  // namespace

Link::Link(virConnectPtr connection, std::shared_ptr<EventLoop> loop)
    : connection_(connection),
      loop_(std::move(loop)),
      closed_(std::make_shared<std::atomic<bool>>(false)) {}

Result<std::shared_ptr<Link>> Link::open(const std::string& uri, const LibvirtOptions& options,
                                         std::shared_ptr<EventLoop> loop, OnClosed onClosed) {
  const virConnectPtr connection = virConnectOpen(uri.c_str());
  if (!connection) return failLast("connect");
  std::shared_ptr<Link> link(new Link(connection, std::move(loop)));
  // Local connections know no keep-alive and need none.
  virConnectSetKeepAlive(connection, options.keepAliveSeconds, options.keepAliveCount);
  auto* notice = new CloseNotice{link->closed_, std::move(onClosed)};
  if (virConnectRegisterCloseCallback(connection, onClose, notice, release) < 0) {
    delete notice;
    return failLast("watch the connection");
  }
  return link;
}

void Link::subscribe(const std::string& host, const std::shared_ptr<EventSink>& sink) {
  events_ = registerEvents(connection_, host, sink);
}

Link::~Link() {
  try {
    std::thread([connection = connection_, loop = std::move(loop_), events = std::move(events_)] {
      virConnectUnregisterCloseCallback(connection, onClose);
      deregisterEvents(connection, events);
      virConnectClose(connection);
    }).detach();
  } catch (const std::system_error&) {
    // No thread to be had: better to lose a connection than to block here.
  }
}

}  // namespace vnic::hypervisor
