// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/service/options.h"

namespace vnic::agent {

// The whole agent, until a signal: then every pin is gone. Returns the process's exit code.
int run(const Options& options);

}  // namespace vnic::agent
