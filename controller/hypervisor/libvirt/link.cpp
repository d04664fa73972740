// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/libvirt/link.h"

#include <system_error>
#include <thread>
#include <utility>

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

void releaseNotice(void* opaque) {
  delete static_cast<CloseNotice*>(opaque);
}

}  // namespace

void OpenLinks::add() {
  const std::lock_guard lock(mutex_);
  ++count_;
}

void OpenLinks::remove() {
  const std::lock_guard lock(mutex_);
  --count_;
  changed_.notify_all();
}

bool OpenLinks::waitUntilNone(Duration timeout) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, timeout, [this] { return count_ == 0; });
}

Link::Link(virConnectPtr connection, std::shared_ptr<EventLoop> loop,
           std::shared_ptr<OpenLinks> count)
    : connection_(connection),
      loop_(std::move(loop)),
      count_(std::move(count)),
      closed_(std::make_shared<std::atomic<bool>>(false)) {
  if (count_) count_->add();
}

Result<std::shared_ptr<Link>> Link::open(const std::string& uri, const LibvirtOptions& options,
                                         std::shared_ptr<EventLoop> loop,
                                         std::shared_ptr<OpenLinks> count, OnClosed onClosed) {
  virConnect* const connection = virConnectOpen(uri.c_str());
  if (!connection) return failLast("connect");
  std::shared_ptr<Link> link(new Link(connection, std::move(loop), std::move(count)));
  // Local connections know no keep-alive and need none.
  virConnectSetKeepAlive(connection, options.keepAliveSeconds, options.keepAliveCount);
  auto* notice = new CloseNotice{link->closed_, std::move(onClosed)};
  if (virConnectRegisterCloseCallback(connection, onClose, notice, releaseNotice) < 0) {
    delete notice;
    return failLast("watch the connection");
  }
  return link;
}

void Link::subscribe(const std::string& host, const std::shared_ptr<EventSink>& sink) {
  events_ = registerEvents(connection_, host, sink);
}

void Link::noticeSilentClose() {
  if (virConnectIsAlive(connection_) != 1) *closed_ = true;
}

Link::~Link() {
  try {
    std::thread([connection = connection_, loop = loop_, count = count_, events = events_] {
      virConnectUnregisterCloseCallback(connection, onClose);
      deregisterEvents(connection, events);
      virConnectClose(connection);
      if (count) count->remove();
    }).detach();
  } catch (const std::system_error&) {
    // No thread to be had: better to lose a connection than to block here.
    if (count_) count_->remove();
  }
}

}  // namespace vnic::hypervisor
