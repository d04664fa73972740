// SPDX-License-Identifier: Apache-2.0
#include "support/pci_address.h"

#include <fmt/format.h>

#include <charconv>

namespace vnic {
namespace {

bool readHex(std::string_view text, std::size_t from, std::size_t length, unsigned& value) {
  if (text.size() < from + length) return false;
  const char* first = text.data() + from;
  const auto [end, error] = std::from_chars(first, first + length, value, 16);
  return error == std::errc{} && end == first + length;
}

}  // namespace

std::string PciAddress::str() const {
  return fmt::format("{:04x}:{:02x}:{:02x}.{:x}", domain, bus, slot, function);
}

std::string PciAddress::dashed() const {
  return fmt::format("{:04x}-{:02x}-{:02x}.{:x}", domain, bus, slot, function);
}

std::optional<PciAddress> PciAddress::parse(std::string_view text) {
  // dddd:bb:ss.f
  unsigned domain = 0, bus = 0, slot = 0, function = 0;
  if (text.size() != 12 || text[4] != ':' || text[7] != ':' || text[10] != '.' ||
      !readHex(text, 0, 4, domain) || !readHex(text, 5, 2, bus) || !readHex(text, 8, 2, slot) ||
      !readHex(text, 11, 1, function) || slot > 0x1f || function > 7) {
    return std::nullopt;
  }
  return PciAddress{static_cast<std::uint16_t>(domain), static_cast<std::uint8_t>(bus),
                    static_cast<std::uint8_t>(slot), static_cast<std::uint8_t>(function)};
}

std::optional<std::string> canonicalMac(std::string_view text) {
  if (text.size() != 17) return std::nullopt;
  std::string mac;
  for (std::size_t i = 0; i < 6; ++i) {
    unsigned byte = 0;
    if (!readHex(text, i * 3, 2, byte)) return std::nullopt;
    if (i < 5 && text[i * 3 + 2] != ':') return std::nullopt;
    mac += fmt::format("{}{:02x}", i ? ":" : "", byte);
  }
  return mac;
}

}  // namespace vnic
