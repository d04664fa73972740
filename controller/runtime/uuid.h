// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace vnic::runtime {

// A random (version 4) UUID, for names that nobody else may choose: reconcileIDs, leader
// identities.
std::string randomUuid();

}  // namespace vnic::runtime
