// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "kube/http_transport.h"

namespace vnic::kube {

// Answers requests in order from a script; a request beyond the script fails like a dead server.
class ScriptedTransport final : public HttpTransport {
 public:
  void answer(Result<HttpResponse> response) { script_.push_back(std::move(response)); }
  void answer(int status, std::string body = "{}",
              std::map<std::string, std::string> headers = {}) {
    script_.push_back(HttpResponse{status, std::move(headers), std::move(body)});
  }

  Result<HttpResponse> send(const HttpRequest& request, Duration deadline,
                            std::stop_token stop) override;
  Result<HttpResponse> stream(const HttpRequest& request, Duration idleLimit,
                              const ChunkHandler& onChunk, std::stop_token stop) override;

  std::function<void()> onRequest = [] {};
  std::vector<HttpRequest> requests;
  std::vector<Duration> limits;  // deadlines and idle limits

 private:
  Result<HttpResponse> next(const HttpRequest& request, Duration limit);
  std::deque<Result<HttpResponse>> script_;
};

}  // namespace vnic::kube
