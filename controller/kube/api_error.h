// SPDX-License-Identifier: Apache-2.0
// The one place where an HTTP status or a Kubernetes Status object becomes an Error.
#pragma once

#include <simdjson.h>

#include <string_view>

#include "kube/http_transport.h"
#include "support/error.h"

namespace vnic::kube {

// A Status object (metav1.Status with status "Failure"). `what` names the request for the message:
// "create vfreservations host1.0000-01-10.4".
Error errorOfStatus(simdjson::dom::element status, std::string_view what);

// A response that is not 2xx; its body is a Status object, or whatever a proxy wrote. Retry-After
// is read in seconds (the API server never sends a date).
Error errorOfResponse(const HttpResponse& response, std::string_view what);

}  // namespace vnic::kube
