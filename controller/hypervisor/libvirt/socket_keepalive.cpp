// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/libvirt/socket_keepalive.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <charconv>
#include <filesystem>
#include <string>

namespace vnic::hypervisor {
namespace {

bool isConnectedTcp(int fd) {
  sockaddr_storage peer{};
  socklen_t peerLength = sizeof peer;
  int type = 0;
  socklen_t typeLength = sizeof type;
  return getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &peerLength) == 0 &&
         (peer.ss_family == AF_INET || peer.ss_family == AF_INET6) &&
         getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &typeLength) == 0 && type == SOCK_STREAM;
}

}  // namespace

void enableSocketKeepalive() {
  constexpr int kOn = 1, kIdleSeconds = 10, kIntervalSeconds = 5, kProbes = 3;
  // Probes are for idle connections; what was sent and never acknowledged is tried for 15 minutes.
  constexpr unsigned kUnacknowledgedMilliseconds = 25'000;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error)) {
    const std::string name = entry.path().filename().string();
    int fd = -1;
    std::from_chars(name.data(), name.data() + name.size(), fd);
    if (fd < 0 || !isConnectedTcp(fd)) continue;
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &kIdleSeconds, sizeof kIdleSeconds);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &kIntervalSeconds, sizeof kIntervalSeconds);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &kProbes, sizeof kProbes);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &kOn, sizeof kOn);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &kUnacknowledgedMilliseconds,
               sizeof kUnacknowledgedMilliseconds);
  }
}

}  // namespace vnic::hypervisor
