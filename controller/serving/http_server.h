// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "serving/http_message.h"
#include "support/clock.h"
#include "support/error.h"
#include "support/log.h"

namespace vnic::serving {

class ServerCertificate;

// A small HTTP/1.1 server that strangers may talk to: everything is bounded. One thread. When all
// connections are taken, a new one takes the place of the one whose client has kept us waiting
// longest: whoever holds connections without using them keeps nobody out.
class HttpServer {
 public:
  struct Options {
    std::string name = "http";                           // for logs
    std::string address = "0.0.0.0";                     // an IP address; "::" serves IPv4 as well
    std::uint16_t port = 0;                              // 0 = any free one
    std::uint32_t headerLimit = 16 * 1024;               // bytes; more is 431
    std::uint64_t bodyLimit = 3U << 20;                  // bytes; more is 413
    Duration requestTimeout = std::chrono::seconds(10);  // to send a request, to take a response
    Duration idleTimeout = std::chrono::seconds(60);     // between requests of one connection
    std::uint64_t bodyBudget = 32U << 20;                // bytes, of all at once; more is 503
    std::size_t maxConnections = 128;
    std::shared_ptr<ServerCertificate> certificate = nullptr;  // of HTTPS, nullptr = plain HTTP
  };

  HttpServer(Options options, Handler handler, const Logger& log);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Binds and serves. Invalid: an address that is none. Transient: the port is in use, or the like.
  Status start();
  std::uint16_t port() const;  // the real one, after start()
  // Closes all connections and ends the thread. Safe to call again.
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vnic::serving
