// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <prometheus/collectable.h>

#include "serving/http_message.h"

namespace vnic::serving {

// Prometheus' text format of everything that `source` has. The source must outlive the handler.
Handler metricsEndpoint(const prometheus::Collectable& source);

}  // namespace vnic::serving
