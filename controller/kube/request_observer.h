// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "support/clock.h"

namespace vnic::kube {

// Told about each HTTP request, for metrics (rest_client_requests_total{code,method,host} and
// rest_client_request_duration_seconds{verb,host}). Called on the requesting thread, from many.
class RequestObserver {
 public:
  virtual ~RequestObserver() = default;
  // method: GET, POST, ...; code: "200", or "<error>" when there was no answer, as in client-go.
  virtual void requestDone(std::string_view method, std::string_view code, std::string_view host,
                           Duration duration) = 0;
  virtual void requestRetried(std::string_view method, std::string_view code,
                              std::string_view host) = 0;
  // How long the client-side limit held a request back; only called when it did.
  virtual void rateLimited(std::string_view method, std::string_view host, Duration waited) = 0;
};

}  // namespace vnic::kube
