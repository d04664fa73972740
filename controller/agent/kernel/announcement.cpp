// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/announcement.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>
#include <vector>

#include "agent/kernel/socket.h"

namespace vnic::agent::kernel {
namespace {

constexpr std::size_t kShortestFrame = 60;  // bytes, without checksum
constexpr std::uint16_t kRarpReverseRequest = 3;

class Frame {
 public:
  void put16(std::uint16_t value) {
    bytes_.push_back(static_cast<unsigned char>(value >> 8));
    bytes_.push_back(static_cast<unsigned char>(value & 0xff));
  }
  template <class Bytes>
  void put(const Bytes& bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  std::vector<unsigned char> padded() && {
    bytes_.resize(std::max(bytes_.size(), kShortestFrame));
    return std::move(bytes_);
  }

 private:
  std::vector<unsigned char> bytes_;
};

std::vector<unsigned char> announcement(const std::string& mac, int vlan) {
  const auto sender = bytesOf(mac);
  constexpr std::array<unsigned char, 6> everyone{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  constexpr std::array<unsigned char, 4> noAddress{};
  Frame frame;
  frame.put(everyone);
  frame.put(sender);
  if (vlan != 0) {
    frame.put16(ETH_P_8021Q);
    frame.put16(static_cast<std::uint16_t>(vlan));
  }
  frame.put16(ETH_P_RARP);
  frame.put16(1);  // Ethernet
  frame.put16(ETH_P_IP);
  frame.put16(0x0604);  // lengths of the addresses
  frame.put16(kRarpReverseRequest);
  for (int i = 0; i < 2; ++i) {
    frame.put(sender);
    frame.put(noAddress);
  }
  return std::move(frame).padded();
}

}  // namespace

Status sendAnnouncement(int link, const std::string& mac, int vlan) {
  const std::string what = fmt::format("announcing {} on device {}", mac, link);
  const int descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return fail(errorOf(errno, what));
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_ifindex = link;
  to.sll_halen = ETH_ALEN;
  std::fill_n(to.sll_addr, ETH_ALEN, 0xff);
  const auto frame = announcement(mac, vlan);
  const auto sent = sendto(descriptor, frame.data(), frame.size(), 0,
                           reinterpret_cast<const sockaddr*>(&to), sizeof(to));
  const int number = errno;
  close(descriptor);
  if (sent < 0) return fail(errorOf(number, what));
  return {};
}

}  // namespace vnic::agent::kernel
