// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace vnic::api {

// Text from hosts, fit for a status field of at most `maxBytes`: cut at a character, and bytes that
// are not UTF-8 become '?', because the API server takes neither longer texts nor other encodings.
std::string bounded(std::string_view text, std::size_t maxBytes);

}  // namespace vnic::api
