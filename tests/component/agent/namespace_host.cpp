// SPDX-License-Identifier: Apache-2.0
#include "component/agent/namespace_host.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "agent/kernel/announcement.h"
#include "support/command.h"

namespace vnic::test {
namespace {

std::string run(const std::string& program, const std::string& arguments) {
  std::vector<std::string> argv{program};
  std::istringstream words(arguments);
  for (std::string word; words >> word;) argv.push_back(word);
  const CommandResult result = runCommand(argv);
  if (!result.ok()) throw std::runtime_error(program + " " + arguments + ": " + result.err);
  return result.out;
}

int openTap(const char* name) {
  const int descriptor = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
  ifreq request{};
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  if (descriptor < 0 || ioctl(descriptor, TUNSETIFF, &request) < 0) {
    throw std::runtime_error(std::string("no tap: ") + std::strerror(errno));
  }
  return descriptor;
}

}  // namespace

NamespaceHost::NamespaceHost() {
  if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
    throw std::runtime_error("this needs root, or a kernel that gives users namespaces");
  }
  ip("link add br0 type bridge");
  ip("link add up0 type veth peer name out0");
  tap_ = openTap("vnet0");
  ip("link set vnet0 address fe:54:00:cc:00:01 master br0");
  ip("link set up0 master br0");
  for (const char* device : {"br0", "up0", "out0", "vnet0"}) {
    ip(std::string("link set ") + device + " up");
  }
}

NamespaceHost::~NamespaceHost() {
  closeTap();
}

void NamespaceHost::closeTap() {
  if (tap_ >= 0) close(tap_);
  tap_ = -1;
}

std::string NamespaceHost::ip(const std::string& arguments) const {
  return run("ip", arguments);
}

std::string NamespaceHost::bridge(const std::string& arguments) const {
  return run("bridge", arguments);
}

int NamespaceHost::indexOf(const std::string& device) const {
  return std::stoi(ip("-o link show dev " + device));
}

void NamespaceHost::guestSpeaks(const std::string& mac) const {
  std::array<unsigned char, 60> frame{};
  std::fill_n(frame.begin(), 6, static_cast<unsigned char>(0xff));
  std::sscanf(mac.c_str(), "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &frame[6], &frame[7], &frame[8],
              &frame[9], &frame[10], &frame[11]);
  frame[12] = 0x80;  // RARP
  frame[13] = 0x35;
  if (write(tap_, frame.data(), frame.size()) < 0) {
    throw std::runtime_error(std::string("the tap takes nothing: ") + std::strerror(errno));
  }
}

void NamespaceHost::outsideSpeaks(const std::string& mac) const {
  if (const Status sent = agent::kernel::sendAnnouncement(indexOf("out0"), mac, 0); !sent) {
    throw std::runtime_error(sent.error().message);
  }
}

std::string NamespaceHost::fdb(const std::string& device, const std::string& mac) const {
  std::istringstream all(bridge("fdb show dev " + device));
  std::string found;
  for (std::string line; std::getline(all, line);) {
    if (line.rfind(mac, 0) == 0) found += line + "\n";
  }
  return found;
}

}  // namespace vnic::test
