// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/options.h"

namespace vnic::app {

// The whole operator: builds the object graph, runs until a signal or until the leader's Lease is
// lost, takes everything down in order. Returns the process's exit code.
int run(const Options& options);

// Prints what a host lacks. Returns 0 when nothing that a migration needs is missing.
int checkHost(const CheckHostOptions& options);

// Prints whether an installed operator works. Returns 0 when it does.
int checkCluster(const CheckClusterOptions& options);

// Prints the objects that describe a host as it is. Returns 0 when it could be read.
int describeHost(const DescribeHostOptions& options);

}  // namespace vnic::app
