// SPDX-License-Identifier: Apache-2.0
// Everything that the operator does in a cluster, one thing at a time. Whatever needs a permission
// of its own, also under rare conditions, belongs here: the role may contain nothing that none of
// these uses.
#pragma once

#include <vector>

#include "conformance/operator/cluster.h"

namespace vnic::test {

struct Scenario {
  const char* name;
  // The operator runs. Leaves nothing behind that the next one could stumble over; throws when the
  // operator does not do as it should.
  void (*play)(Cluster&);
};

std::vector<Scenario> migrationScenarios();
std::vector<Scenario> nicScenarios();
std::vector<Scenario> operationScenarios();  // hosts, and the operator itself

}  // namespace vnic::test
