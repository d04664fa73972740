// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "kube/request_observer.h"
#include "runtime/metrics.h"

namespace vnic::app {

// rest_client_requests_total, from what the client reports.
class RequestMetrics final : public kube::RequestObserver {
 public:
  explicit RequestMetrics(runtime::Metrics& metrics) : metrics_(metrics) {}

  void requestDone(std::string_view method, std::string_view code, std::string_view host,
                   Duration) override {
    metrics_.countRequest(std::string(code), std::string(method), std::string(host));
  }
  void requestRetried(std::string_view, std::string_view, std::string_view) override {}
  void rateLimited(std::string_view, std::string_view, Duration) override {}

 private:
  runtime::Metrics& metrics_;
};

}  // namespace vnic::app
