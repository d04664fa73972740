// SPDX-License-Identifier: Apache-2.0
#include "runtime/uuid.h"

#include <fmt/format.h>

#include <cstdint>
#include <random>

namespace vnic::runtime {

std::string randomUuid() {
  thread_local std::random_device entropy;
  const auto bits = [] { return (std::uint64_t{entropy()} << 32) | entropy(); };
  const std::uint64_t high = (bits() & ~std::uint64_t{0xf000}) | 0x4000;
  const std::uint64_t low = (bits() & ~(std::uint64_t{3} << 62)) | (std::uint64_t{2} << 62);
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, (high >> 16) & 0xffff,
                     high & 0xffff, low >> 48, low & 0xffff'ffff'ffff);
}

}  // namespace vnic::runtime
