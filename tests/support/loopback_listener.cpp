// SPDX-License-Identifier: Apache-2.0
#include "support/loopback_listener.h"

#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

namespace vnic::test {

LoopbackListener::LoopbackListener(int backlog)
    : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  address_.sin_family = AF_INET;
  address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* generic = reinterpret_cast<sockaddr*>(&address_);
  socklen_t length = sizeof address_;
  if (bind(fd_, generic, length) != 0 || listen(fd_, backlog) != 0 ||
      getsockname(fd_, generic, &length) != 0) {
    close(fd_);
    throw std::runtime_error("no port on loopback");
  }
}

LoopbackListener::~LoopbackListener() {
  close(fd_);
}

}  // namespace vnic::test
