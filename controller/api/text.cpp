// SPDX-License-Identifier: Apache-2.0
#include "api/text.h"

#include <algorithm>
#include <cstdint>

namespace vnic::api {
namespace {

// Length in bytes of the UTF-8 character at the start of `text`, 0 = there is none.
std::size_t characterLength(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = byte(0);
  const std::size_t length = lead < 0x80                    ? 1
                             : lead >= 0xc2 && lead < 0xe0  ? 2
                             : lead >= 0xe0 && lead < 0xf0  ? 3
                             : lead >= 0xf0 && lead <= 0xf4 ? 4
                                                            : 0;
  if (length == 0 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and beyond the last code point.
  if (lead == 0xe0 && byte(1) < 0xa0) return 0;
  if (lead == 0xed && byte(1) > 0x9f) return 0;
  if (lead == 0xf0 && byte(1) < 0x90) return 0;
  if (lead == 0xf4 && byte(1) > 0x8f) return 0;
  return length;
}

}  // namespace

std::string bounded(std::string_view text, std::size_t maxBytes) {
  std::string result;
  while (!text.empty()) {
    const std::size_t length = characterLength(text);
    const std::size_t step = std::max<std::size_t>(length, 1);
    if (result.size() + step > maxBytes) break;
    if (length == 0) {
      result += '?';
    } else {
      result.append(text.substr(0, length));
    }
    text.remove_prefix(step);
  }
  return result;
}

}  // namespace vnic::api
