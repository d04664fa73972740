// SPDX-License-Identifier: Apache-2.0
// Tells a person, and `helm test`, whether an installation works: the API server answers, serves
// the kinds, grants the rights, and an operator leads.
#pragma once

#include <iosfwd>

#include "app/options.h"
#include "kube/client.h"
#include "support/clock.h"

namespace vnic::app {

// Gives the process's exit code: 0 = all is well, 1 = something is missing.
int checkCluster(kube::Client& client, Clock& clock, const Options& options, std::ostream& out);

}  // namespace vnic::app
