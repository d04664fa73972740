// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "support/clock.h"

namespace vnic {

// Kubernetes' two time formats (metav1.Time and metav1.MicroTime), always UTC.
std::string formatTime(WallTime time);       // 2026-01-02T03:04:05Z
std::string formatMicroTime(WallTime time);  // 2026-01-02T03:04:05.123456Z; exactly six decimals,
                                             // the API server answers 400 otherwise
// Reads RFC 3339 in UTC ("Z"), with or without decimals; nullopt when it is something else.
std::optional<WallTime> parseTime(std::string_view text);

}  // namespace vnic
