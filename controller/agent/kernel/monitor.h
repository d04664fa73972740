// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <utility>

#include "agent/kernel/socket.h"
#include "agent/watch.h"

namespace vnic::agent::kernel {

// Hears what changes in the network of the namespace that it was opened in. wait() from one thread,
// wake() from any.
class Monitor final : public Watch {
 public:
  static Result<std::unique_ptr<Monitor>> open();
  ~Monitor() override;

  Changes wait(Duration patience) override;
  void wake() override;

 private:
  Monitor(Socket socket, int wakeup) : socket_(std::move(socket)), wakeup_(wakeup) {}

  Socket socket_;
  const int wakeup_;
};

}  // namespace vnic::agent::kernel
