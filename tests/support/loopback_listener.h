// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <netinet/in.h>

#include <cstdint>

namespace vnic::test {

// A TCP socket that listens on a free port of 127.0.0.1. Throws std::runtime_error when there is
// none.
class LoopbackListener {
 public:
  explicit LoopbackListener(int backlog = 16);
  ~LoopbackListener();
  LoopbackListener(const LoopbackListener&) = delete;
  LoopbackListener& operator=(const LoopbackListener&) = delete;

  int fd() const { return fd_; }
  std::uint16_t port() const { return ntohs(address_.sin_port); }
  const sockaddr* address() const { return reinterpret_cast<const sockaddr*>(&address_); }
  static constexpr socklen_t kAddressLength = sizeof(sockaddr_in);

 private:
  int fd_;
  sockaddr_in address_{};
};

}  // namespace vnic::test
