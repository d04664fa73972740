// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "runtime/health.h"
#include "serving/http_message.h"

namespace vnic::serving {

// The checks of one kind at `path` ("/healthz", "/readyz"): 200 "ok", or 500 with a line per check
// and the reason of each that fails. "?verbose" shows the lines in any case, "?exclude=NAME" leaves
// one out,
// "<path>/NAME" asks only that one. The checks must outlive the handler.
Handler healthEndpoint(const runtime::Health& health, runtime::Health::Kind kind, std::string path);

}  // namespace vnic::serving
