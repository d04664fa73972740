// SPDX-License-Identifier: Apache-2.0
// The port to HTTP. One adapter (cpprest_transport.cpp) includes cpprestsdk; tests bring their own.
#pragma once

#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <string_view>

#include "support/clock.h"
#include "support/error.h"

namespace vnic::kube {

struct HttpRequest {
  std::string method;  // GET, POST, PUT, PATCH, DELETE
  std::string path;    // path and query, already percent-encoded
  std::map<std::string, std::string> headers;
  std::string body;
};

struct HttpResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;                            // empty for a streamed success
};

class HttpTransport {
 public:
  using ChunkHandler = std::function<void(std::string_view bytes)>;

  virtual ~HttpTransport() = default;

  // Sends and reads the whole response, at most `deadline` long and `maxBodyBytes` big. An HTTP
  // error status is a response, not an Error; Error means that there was no complete response, or
  // that it was stopped (Cancelled).
  virtual Result<HttpResponse> send(const HttpRequest& request, Duration deadline,
                                    std::stop_token stop) = 0;

  // Sends; a 2xx body goes to `onChunk` as it arrives, on the calling thread, with back-pressure.
  // Any other status comes back as a response with its (bounded) body. Ends with an Error when
  // nothing came for `idleLimit`, when the connection broke, or when stopped (Cancelled).
  virtual Result<HttpResponse> stream(const HttpRequest& request, Duration idleLimit,
                                      const ChunkHandler& onChunk, std::stop_token stop) = 0;
};

}  // namespace vnic::kube
