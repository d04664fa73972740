// SPDX-License-Identifier: Apache-2.0
#include "support/source_tree.h"

namespace vnic::test {

std::string sourcePath(std::string_view relative) {
  return std::string(VNIC_SOURCE_DIR "/").append(relative);
}

}  // namespace vnic::test
