// SPDX-License-Identifier: Apache-2.0
// A TCP client that sends any bytes; what a server does with strangers cannot be seen with a polite
// HTTP client.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <string>

namespace vnic::serving {

class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("connect failed");
    }
  }
  ~RawClient() { close(fd_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  // How much the other side took before it closed (or all).
  std::size_t send(const std::string& bytes) {
    std::size_t sent = 0;
    while (sent < bytes.size()) {
      pollfd writable{fd_, POLLOUT, 0};
      if (poll(&writable, 1, 10'000) != 1) break;
      const ssize_t n = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) break;
      sent += static_cast<std::size_t>(n);
    }
    return sent;
  }

  // Reads until `until` has arrived, or the server has closed, or ten seconds are over.
  std::string read(const std::string& until) {
    std::string text;
    while (text.find(until) == std::string::npos && readSome(text)) {
    }
    return text;
  }

  // Reads to the end; true when the server closed the connection within ten seconds.
  bool closedByServer(std::string* text = nullptr) {
    std::string rest;
    while (readSome(rest)) {
    }
    if (text != nullptr) *text = rest;
    return closed_;
  }

 private:
  bool readSome(std::string& text) {
    pollfd readable{fd_, POLLIN, 0};
    if (poll(&readable, 1, 10'000) != 1) return false;
    char buffer[4096];
    const ssize_t n = recv(fd_, buffer, sizeof buffer, 0);
    if (n <= 0) {
      closed_ = true;  // an orderly end, or a reset
      return false;
    }
    text.append(buffer, static_cast<std::size_t>(n));
    return true;
  }

  int fd_;
  bool closed_ = false;
};

}  // namespace vnic::serving
