// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <libmnl/libmnl.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "support/error.h"

namespace vnic::agent::kernel {

// The error that an errno of a netlink answer means; `what` names the call.
Error errorOf(int number, const std::string& what);

// One request under construction.
class Request {
 public:
  Request(std::uint16_t type, std::uint16_t flags);
  nlmsghdr* header() { return reinterpret_cast<nlmsghdr*>(buffer_.data()); }
  // The fixed part that follows the header; to be added first.
  template <class Fixed>
  Fixed* fixed() {
    return static_cast<Fixed*>(mnl_nlmsg_put_extra_header(header(), sizeof(Fixed)));
  }

 private:
  std::vector<char> buffer_;
};

// A netlink route socket. Not thread-safe.
class Socket {
 public:
  using Handler = std::function<void(const nlmsghdr&)>;

  // `groups`: RTMGRP_* to listen to.
  static Result<Socket> open(unsigned groups = 0);

  int descriptor() const { return mnl_socket_get_fd(socket_.get()); }
  // Sends and waits for the answer: an acknowledgement, or all parts of a dump.
  Status exchange(Request& request, const std::string& what, const Handler& handler = {});
  // Takes what has been sent to the groups; nothing there is fine. Transient: messages were lost.
  Status receive(const Handler& handler);

 private:
  struct Close {
    void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
  };

  explicit Socket(mnl_socket* socket) : socket_(socket) {}

  std::unique_ptr<mnl_socket, Close> socket_;
  std::vector<char> buffer_;
  unsigned sequence_ = 0;
};

// A MAC in canonical form, from six bytes.
std::string macOf(const unsigned char* bytes);
// The same from an attribute, "" when that is shorter.
std::string macOf(const nlattr* attribute);
// The six bytes of a canonical MAC.
std::array<unsigned char, 6> bytesOf(const std::string& mac);

}  // namespace vnic::agent::kernel
