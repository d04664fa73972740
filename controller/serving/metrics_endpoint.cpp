// SPDX-License-Identifier: Apache-2.0
#include "serving/metrics_endpoint.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <vector>

namespace vnic::serving {

Handler metricsEndpoint(const prometheus::Collectable& source) {
  return [&source](const Request&) -> Response {
    const std::vector<prometheus::MetricFamily> families = source.Collect();
    return {200, "text/plain; version=0.0.4; charset=utf-8",
            prometheus::TextSerializer().Serialize(families)};
  };
}

}  // namespace vnic::serving
