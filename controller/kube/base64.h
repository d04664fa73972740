// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

namespace vnic::kube {

// Standard base64 with padding; white space is passed over. nullopt: it is something else.
std::optional<std::string> decodeBase64(const std::string& text);

}  // namespace vnic::kube
