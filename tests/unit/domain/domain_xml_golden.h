// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

namespace vnic {

// Texts as libvirt 11.3 printed them on a real host (tests/golden/domain_xml/).
inline std::string golden(const std::string& name) {
  std::ifstream file(std::string(VNIC_SOURCE_DIR "/tests/golden/domain_xml/") + name);
  if (!file) throw std::runtime_error("no golden file " + name);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace vnic
