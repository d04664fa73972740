// SPDX-License-Identifier: Apache-2.0
#include "support/error.h"

namespace vnic {

const char* toString(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::Transient:
      return "Transient";
    case ErrorKind::Conflict:
      return "Conflict";
    case ErrorKind::OwnershipConflict:
      return "OwnershipConflict";
    case ErrorKind::AlreadyExists:
      return "AlreadyExists";
    case ErrorKind::NotFound:
      return "NotFound";
    case ErrorKind::Gone:
      return "Gone";
    case ErrorKind::Invalid:
      return "Invalid";
    case ErrorKind::Forbidden:
      return "Forbidden";
    case ErrorKind::Terminal:
      return "Terminal";
    case ErrorKind::Cancelled:
      return "Cancelled";
  }
  return "Unknown";
}

}  // namespace vnic
