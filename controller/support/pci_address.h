// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vnic {

// A PCI address, domain:bus:slot.function, written as Linux writes it: "0000:01:10.4".
struct PciAddress {
  std::uint16_t domain = 0;
  std::uint8_t bus = 0;
  std::uint8_t slot = 0;
  std::uint8_t function = 0;

  auto operator<=>(const PciAddress&) const = default;
  std::string str() const;     // "0000:01:10.4"
  std::string dashed() const;  // "0000-01-10.4", fit for an object's name
  static std::optional<PciAddress> parse(std::string_view text);
};

// A MAC address in canonical form, lower case with colons.
std::optional<std::string> canonicalMac(std::string_view text);

}  // namespace vnic
