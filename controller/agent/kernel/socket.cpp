// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/socket.h"

#include <fmt/format.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <string>
#include <system_error>

namespace vnic::agent::kernel {
namespace {

constexpr std::size_t kRequestBytes = 1024;
// One message of a dump; that of a PF with all its VFs is the largest.
constexpr std::size_t kReceiveBytes = 256U << 10;
// What the kernel keeps for a listener that is busy.
constexpr int kBacklogBytes = 1 << 20;

int dispatch(const nlmsghdr* message, void* data) {
  const auto& handler = *static_cast<const Socket::Handler*>(data);
  if (handler) handler(*message);
  return MNL_CB_OK;
}

}  // namespace

Error errorOf(int number, const std::string& what) {
  const std::string text = fmt::format("{}: {}", what, std::generic_category().message(number));
  switch (number) {
    case EEXIST:
      return {ErrorKind::AlreadyExists, text, number};
    case ENODEV:
    case ENOENT:
    case ENXIO:
      return {ErrorKind::NotFound, text, number};
    case EPERM:
    case EACCES:
      return {ErrorKind::Forbidden, text, number};
    case EOPNOTSUPP:
      return {ErrorKind::Terminal, text, number};
    case EINVAL:
    case ERANGE:
      return {ErrorKind::Invalid, text, number};
    default:
      return {ErrorKind::Transient, text, number};
  }
}

Request::Request(std::uint16_t type, std::uint16_t flags) : buffer_(kRequestBytes) {
  mnl_nlmsg_put_header(buffer_.data());
  header()->nlmsg_type = type;
  header()->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
}

Result<Socket> Socket::open(unsigned groups) {
  mnl_socket* raw = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
  if (raw == nullptr) return fail(errorOf(errno, "opening a netlink socket"));
  Socket socket(raw);
  socket.buffer_.resize(kReceiveBytes);
  if (groups != 0) {
    // Without the privilege the default has to do; losses are noticed.
    (void)setsockopt(socket.descriptor(), SOL_SOCKET, SO_RCVBUFFORCE, &kBacklogBytes,
                     sizeof(kBacklogBytes));
  }
  if (mnl_socket_bind(raw, groups, MNL_SOCKET_AUTOPID) < 0) {
    return fail(errorOf(errno, "binding a netlink socket"));
  }
  return socket;
}

Status Socket::exchange(Request& request, const std::string& what, const Handler& handler) {
  nlmsghdr* header = request.header();
  const bool dump = (header->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
  if (!dump) header->nlmsg_flags |= NLM_F_ACK;
  header->nlmsg_seq = ++sequence_;
  const unsigned port = mnl_socket_get_portid(socket_.get());
  if (mnl_socket_sendto(socket_.get(), header, header->nlmsg_len) < 0) {
    return fail(errorOf(errno, what));
  }
  int more = MNL_CB_OK;
  while (more > MNL_CB_STOP) {
    const auto bytes = mnl_socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size());
    if (bytes < 0) {
      if (errno == EINTR) continue;
      return fail(errorOf(errno, what));
    }
    more = mnl_cb_run(buffer_.data(), static_cast<std::size_t>(bytes), sequence_, port, dispatch,
                      const_cast<Handler*>(&handler));
  }
  if (more < 0) return fail(errorOf(errno, what));
  return {};
}

Status Socket::receive(const Handler& handler) {
  for (;;) {
    const auto bytes = recv(descriptor(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (bytes < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) return {};
      if (errno == EINTR) continue;
      return fail(errorOf(errno, "reading changes of the network"));
    }
    mnl_cb_run(buffer_.data(), static_cast<std::size_t>(bytes), 0, 0, dispatch,
               const_cast<Handler*>(&handler));
  }
}

std::string macOf(const unsigned char* b) {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", b[0], b[1], b[2], b[3], b[4],
                     b[5]);
}

std::string macOf(const nlattr* attribute) {
  if (mnl_attr_get_payload_len(attribute) < 6) return {};
  return macOf(static_cast<const unsigned char*>(mnl_attr_get_payload(attribute)));
}

std::array<unsigned char, 6> bytesOf(const std::string& mac) {
  std::array<unsigned char, 6> bytes{};
  std::sscanf(mac.c_str(), "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &bytes[0], &bytes[1], &bytes[2],
              &bytes[3], &bytes[4], &bytes[5]);
  return bytes;
}

}  // namespace vnic::agent::kernel
