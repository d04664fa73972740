// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/hypervisor.h"

#include <fmt/format.h>

namespace vnic::hypervisor {

std::string Version::str() const {
  return fmt::format("{}.{}.{}", major, minor, micro);
}

}  // namespace vnic::hypervisor
