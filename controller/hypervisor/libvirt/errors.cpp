// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/libvirt/errors.h"

#include <fmt/format.h>
#include <libvirt/virterror.h>

#include <algorithm>
#include <string>

#include "hypervisor/error_code.h"

namespace vnic::hypervisor {

static_assert(kInternalError == VIR_ERR_INTERNAL_ERROR);
static_assert(kNoSupport == VIR_ERR_NO_SUPPORT);
static_assert(kInvalidArgument == VIR_ERR_INVALID_ARG);
static_assert(kOperationFailed == VIR_ERR_OPERATION_FAILED);
static_assert(kXmlError == VIR_ERR_XML_ERROR);
static_assert(kXmlDetail == VIR_ERR_XML_DETAIL);
static_assert(kSystemError == VIR_ERR_SYSTEM_ERROR);
static_assert(kNoDomain == VIR_ERR_NO_DOMAIN);
static_assert(kNoNetwork == VIR_ERR_NO_NETWORK);
static_assert(kAuthFailed == VIR_ERR_AUTH_FAILED);
static_assert(kOperationInvalid == VIR_ERR_OPERATION_INVALID);
static_assert(kConfigUnsupported == VIR_ERR_CONFIG_UNSUPPORTED);
static_assert(kOperationTimeout == VIR_ERR_OPERATION_TIMEOUT);
static_assert(kArgumentUnsupported == VIR_ERR_ARGUMENT_UNSUPPORTED);
static_assert(kOperationAborted == VIR_ERR_OPERATION_ABORTED);
static_assert(kAuthCancelled == VIR_ERR_AUTH_CANCELLED);
static_assert(kOperationUnsupported == VIR_ERR_OPERATION_UNSUPPORTED);
static_assert(kAccessDenied == VIR_ERR_ACCESS_DENIED);
static_assert(kXmlInvalidSchema == VIR_ERR_XML_INVALID_SCHEMA);
static_assert(kAuthUnavailable == VIR_ERR_AUTH_UNAVAILABLE);
static_assert(kDeviceMissing == VIR_ERR_DEVICE_MISSING);

Error lastError(std::string_view what) {
  const virError* last = virGetLastError();
  if (!last || last->code == VIR_ERR_OK) {
    return Error::transient(fmt::format("{}: libvirt gave no reason", what));
  }
  std::string message = last->message ? last->message : "no message";
  std::replace(message.begin(), message.end(), '\n', ' ');
  return Error{kindOf(last->code, message),
               fmt::format("{}: {} (libvirt {}/{})", what, message, last->code, last->domain),
               last->code};
}

}  // namespace vnic::hypervisor
