// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "support/loopback_listener.h"

namespace vnic {

// Passes TCP connections on to a server, counts what goes through, and loses them when it is told
// to. Stands between an adapter and a server that others use as well.
class TcpRelay {
 public:
  TcpRelay(const std::string& host, std::uint16_t port);
  ~TcpRelay();
  TcpRelay(const TcpRelay&) = delete;
  TcpRelay& operator=(const TcpRelay&) = delete;

  std::uint16_t port() const { return listener_.port(); }  // on 127.0.0.1
  void stall() { stalled_ = true; }                        // accepts and swallows, says nothing
  void resume();                                           // what came while it stalled is reset
  void cut() { ++epoch_; }                                 // resets every connection

  // Bytes that clients have sent so far, and that came back for them.
  std::size_t sent() const { return sent_; }
  std::size_t received() const { return received_; }

 private:
  void accept();
  void relay(int client);

  std::string host_;
  std::uint16_t serverPort_;
  test::LoopbackListener listener_;
  std::atomic<bool> stop_ = false;
  std::atomic<bool> stalled_ = false;
  std::atomic<int> epoch_ = 0;
  std::atomic<std::size_t> sent_ = 0;
  std::atomic<std::size_t> received_ = 0;
  std::mutex mutex_;
  std::vector<std::thread> threads_;
};

}  // namespace vnic
