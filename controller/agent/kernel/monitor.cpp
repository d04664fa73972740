// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/monitor.h"

#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <utility>

#include "agent/kernel/messages.h"

namespace vnic::agent::kernel {
namespace {

void note(const nlmsghdr& message, Changes& changes) {
  switch (message.nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      changes.links = true;
      break;
    case RTM_NEWNEIGH:
      if (auto entry = readFdbEntry(message)) changes.heard.push_back(std::move(*entry));
      break;
    case RTM_DELNEIGH:
      if (auto entry = readFdbEntry(message)) changes.removed.push_back(std::move(*entry));
      break;
    default:
      break;
  }
}

}  // namespace

Result<std::unique_ptr<Monitor>> Monitor::open() {
  auto socket = Socket::open(RTMGRP_LINK | RTMGRP_NEIGH);
  if (!socket) return fail(socket.error());
  const int wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wakeup < 0) return fail(errorOf(errno, "making an event descriptor"));
  return std::unique_ptr<Monitor>(new Monitor(std::move(*socket), wakeup));
}

Monitor::~Monitor() {
  close(wakeup_);
}

Changes Monitor::wait(Duration patience) {
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(patience).count();
  std::array<pollfd, 2> ready{{{socket_.descriptor(), POLLIN, 0}, {wakeup_, POLLIN, 0}}};
  Changes changes;
  (void)poll(ready.data(), ready.size(),
             static_cast<int>(std::clamp<std::int64_t>(milliseconds, 0, 60000)));
  std::uint64_t count = 0;
  changes.woken = read(wakeup_, &count, sizeof(count)) > 0;
  if (!socket_.receive([&](const nlmsghdr& message) { note(message, changes); })) {
    changes.lost = true;
  }
  return changes;
}

void Monitor::wake() {
  const std::uint64_t one = 1;
  // It can only fail when it has been woken very often already.
  (void)!write(wakeup_, &one, sizeof(one));
}

}  // namespace vnic::agent::kernel
