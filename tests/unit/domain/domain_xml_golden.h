// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

#include "support/source_tree.h"

namespace vnic {

// Texts as libvirt 11.3 printed them on a real host (tests/golden/domain_xml/).
inline std::string golden(const std::string& name) {
  std::ifstream file(test::sourcePath("tests/golden/domain_xml/" + name));
  if (!file) throw std::runtime_error("no golden file " + name);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace vnic
