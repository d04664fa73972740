// SPDX-License-Identifier: Apache-2.0
// libvirt's error codes that decide something here (Error::code of this port), without its headers.
#pragma once

#include <string_view>

#include "support/error.h"

namespace vnic::hypervisor {

inline constexpr int kInternalError = 1;  // also: lost connection to the peer, PF not up
inline constexpr int kNoSupport = 3;
inline constexpr int kInvalidArgument = 8;
inline constexpr int kOperationFailed = 9;
inline constexpr int kXmlError = 27;  // also: guest PCI address used twice
inline constexpr int kXmlDetail = 35;
inline constexpr int kSystemError = 38;  // connection refused, lost, no route
inline constexpr int kNoDomain = 42;
inline constexpr int kNoNetwork = 43;
inline constexpr int kAuthFailed = 45;
inline constexpr int kOperationInvalid = 55;   // not now: VF in use, not running, job there already
inline constexpr int kConfigUnsupported = 67;  // also: alias in use, no such VF, definitions differ
inline constexpr int kOperationTimeout = 68;   // the domain's job lock is held
inline constexpr int kArgumentUnsupported = 74;
inline constexpr int kAuthCancelled = 79;
inline constexpr int kAuthUnavailable = 94;
inline constexpr int kOperationAborted = 78;  // a migration was cancelled
inline constexpr int kOperationUnsupported = 84;
inline constexpr int kAccessDenied = 88;
inline constexpr int kXmlInvalidSchema = 92;
inline constexpr int kDeviceMissing = 99;

// What a caller may do about an error of libvirt. Unknown codes are Transient: everything here is
// level-triggered, so another look is always right.
ErrorKind kindOf(int code, std::string_view message);

}  // namespace vnic::hypervisor
