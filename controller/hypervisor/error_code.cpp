// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/error_code.h"

namespace vnic::hypervisor {

ErrorKind kindOf(int code, std::string_view message) {
  switch (code) {
    case kNoDomain:
    case kDeviceMissing:
      return ErrorKind::NotFound;
    case kAuthFailed:
    case kAuthCancelled:
    case kAuthUnavailable:
    case kAccessDenied:
      return ErrorKind::Forbidden;
    case kOperationAborted:
      return ErrorKind::Cancelled;
    case kConfigUnsupported:
      // The guest has not let go of the device of that alias yet; it may any moment.
      return message.find("non unique alias") != message.npos ? ErrorKind::Transient
                                                              : ErrorKind::Invalid;
    case kNoSupport:
    case kInvalidArgument:
    case kXmlError:
    case kXmlDetail:
    case kNoNetwork:
    case kArgumentUnsupported:
    case kOperationUnsupported:
    case kXmlInvalidSchema:
      return ErrorKind::Invalid;
    default:
      return ErrorKind::Transient;
  }
}

}  // namespace vnic::hypervisor
