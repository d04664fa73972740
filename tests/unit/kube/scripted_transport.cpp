// SPDX-License-Identifier: Apache-2.0
#include "unit/kube/scripted_transport.h"

#include <utility>

namespace vnic::kube {

Result<HttpResponse> ScriptedTransport::next(const HttpRequest& request, Duration limit) {
  requests.push_back(request);
  onRequest();
  limits.push_back(limit);
  if (script_.empty()) return fail(Error::transient("connection refused"));
  auto response = std::move(script_.front());
  script_.pop_front();
  return response;
}

Result<HttpResponse> ScriptedTransport::send(const HttpRequest& request, Duration deadline,
                                             std::stop_token) {
  return next(request, deadline);
}

Result<HttpResponse> ScriptedTransport::stream(const HttpRequest& request, Duration idleLimit,
                                               const ChunkHandler& onChunk, std::stop_token) {
  auto response = next(request, idleLimit);
  if (response && response->status == 200) onChunk(std::exchange(response->body, ""));
  return response;
}

}  // namespace vnic::kube
