// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "agent/kernel/socket.h"
#include "agent/network.h"

namespace vnic::agent::kernel {

// The network of the namespace that it was opened in. Not thread-safe.
class LinuxNetwork final : public Network {
 public:
  static Result<LinuxNetwork> open();

  Result<HostState> read() override;
  Status add(const Pin& pin) override;
  Status remove(const Pin& pin) override;
  Status forget(int port, const std::string& mac) override;
  Result<std::vector<VfSettings>> vfSettings(int pf) override;
  Status change(int pf, const VfChange& change) override;
  Status announce(int link, const std::string& mac, int vlan) override;

 private:
  explicit LinuxNetwork(Socket socket) : socket_(std::move(socket)) {}

  Status readLinks(HostState& state);
  Status readAddresses(HostState& state);
  Status readFdb(HostState& state);

  Socket socket_;
};

}  // namespace vnic::agent::kernel
