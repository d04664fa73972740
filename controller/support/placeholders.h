// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "support/error.h"

namespace vnic {

// `text` with every {name} replaced by its value. Invalid when a name is not among `values`, or a
// brace has no partner.
Result<std::string> fillPlaceholders(std::string_view text,
                                     const std::map<std::string, std::string, std::less<>>& values);

}  // namespace vnic
