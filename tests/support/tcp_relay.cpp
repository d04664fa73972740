// SPDX-License-Identifier: Apache-2.0
#include "support/tcp_relay.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace vnic {
namespace {

constexpr int kTickMilliseconds = 50;

int connectTo(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return -1;
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool connected = connect(fd, found->ai_addr, found->ai_addrlen) == 0;
  freeaddrinfo(found);
  if (connected) return fd;
  close(fd);
  return -1;
}

// How many bytes; 0 = one of them is gone.
std::size_t pass(int from, int to, bool swallow) {
  std::array<char, 65536> buffer;
  const ssize_t got = recv(from, buffer.data(), buffer.size(), 0);
  if (got <= 0) return 0;
  for (ssize_t sent = 0; !swallow && sent < got;) {
    const ssize_t written =
        send(to, buffer.data() + sent, static_cast<std::size_t>(got - sent), MSG_NOSIGNAL);
    if (written <= 0) return 0;
    sent += written;
  }
  return static_cast<std::size_t>(got);
}

void reset(int fd) {
  const linger abort{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
  close(fd);
}

}  // namespace

TcpRelay::TcpRelay(const std::string& host, std::uint16_t port) : host_(host), serverPort_(port) {
  threads_.emplace_back([this] { accept(); });
}

TcpRelay::~TcpRelay() {
  stop_ = true;
  threads_.front().join();  // no new connections from here on
  for (std::size_t i = 1; i < threads_.size(); ++i) threads_[i].join();
}

void TcpRelay::resume() {
  stalled_ = false;
  ++epoch_;
}

void TcpRelay::accept() {
  while (!stop_) {
    pollfd ready{listener_.fd(), POLLIN, 0};
    if (poll(&ready, 1, kTickMilliseconds) != 1) continue;
    const int client = accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC);
    const std::lock_guard lock(mutex_);
    if (client >= 0) threads_.emplace_back([this, client] { relay(client); });
  }
}

void TcpRelay::relay(int client) {
  const int epoch = epoch_;
  const int server = connectTo(host_, serverPort_);
  while (server >= 0 && !stop_ && epoch == epoch_) {
    std::array<pollfd, 2> ready{{{client, POLLIN, 0}, {server, POLLIN, 0}}};
    if (poll(ready.data(), ready.size(), kTickMilliseconds) < 1) continue;
    std::size_t passed = 0;
    if (ready[0].revents) {
      if ((passed = pass(client, server, stalled_)) == 0) break;
      sent_ += passed;
    }
    if (ready[1].revents) {
      if ((passed = pass(server, client, stalled_)) == 0) break;
      received_ += passed;
    }
  }
  reset(client);
  if (server >= 0) close(server);
}

}  // namespace vnic
