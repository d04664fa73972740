// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "reconcile/vnic_profile/rules.h"

namespace vnic::admission {

// What a verdict is made from: the objects that are there.
struct World {
  std::vector<reconcile::vnic_profile::ProfilePtr> profiles;
  std::vector<reconcile::vnic_profile::VnicPtr> vnics;
};

}  // namespace vnic::admission
