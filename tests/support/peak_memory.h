// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fstream>
#include <stdexcept>
#include <string>

namespace vnic::test {

// How much more memory this process needed, at its worst since the object was made (the kernel's
// VmHWM): for bounds that must hold whatever a peer does. A sanitizer's own memory is not ours, so
// under one there is nothing to measure and growth is 0.
class PeakMemory {
 public:
  PeakMemory() {
    std::ofstream("/proc/self/clear_refs") << "5";  // the peak begins anew at what is used now
    begin_ = kilobytes("VmRSS");
  }
  std::size_t growthMiB() const {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return 0;
#else
    const std::size_t peak = kilobytes("VmHWM");
    return peak > begin_ ? (peak - begin_) / 1024 : 0;
#endif
  }

 private:
  static std::size_t kilobytes(const std::string& field) {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with(field + ":")) return std::stoul(line.substr(field.size() + 1));
    }
    throw std::runtime_error("/proc/self/status has no " + field);
  }

  std::size_t begin_ = 0;
};

}  // namespace vnic::test
