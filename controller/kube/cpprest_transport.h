// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "kube/http_transport.h"
#include "kube/tls_material.h"

namespace vnic::kube {

// Sets the number of threads that carry all HTTP traffic of this process (cpprestsdk's default is
// 40). To be called at most once, before the first transport is made. Error: Terminal when it is
// too late.
Status initializeTransportThreads(std::size_t threads);

struct TransportOptions {
  std::size_t maxBodyBytes = 64U << 20;              // of a response that is read as a whole
  std::size_t maxErrorBodyBytes = 256U << 10;        // of a non-2xx answer to stream()
  std::size_t streamWindowBytes = 1U << 20;          // what stream() takes in ahead of its handler
  Duration shutdownGrace = std::chrono::seconds(5);  // how long the destructor waits for requests
};

// The TLS material of now. Asked before each request; another pointer than last time means that new
// connections have to be made.
using TlsSource = std::function<std::shared_ptr<const TlsMaterial>()>;

// HTTP/1.1 by cpprestsdk, one host. Redirects are not followed, proxies are not used, TLS is 1.2 or
// newer. A request that finds its pooled connection closed by the server is sent again, whatever
// its method: callers must be able to stand a POST that arrives twice. Callers block on their own
// threads; no code of theirs runs on cpprestsdk's.
class CpprestTransport final : public HttpTransport {
 public:
  // url: http(s)://host[:port][/prefix]; an IPv6 address in brackets. Error: Invalid.
  static Result<std::unique_ptr<CpprestTransport>> create(const std::string& url, TlsSource tls,
                                                          TransportOptions options = {});
  ~CpprestTransport() override;

  Result<HttpResponse> send(const HttpRequest& request, Duration deadline,
                            std::stop_token stop) override;
  Result<HttpResponse> stream(const HttpRequest& request, Duration idleLimit,
                              const ChunkHandler& onChunk, std::stop_token stop) override;

 private:
  class Impl;
  explicit CpprestTransport(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vnic::kube
