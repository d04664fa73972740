// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "support/error.h"

namespace vnic::hypervisor {

// The error of the libvirt call that has just failed on this thread (libvirt keeps it per thread,
// and the next call overwrites it). `what` says what was tried. The message ends with libvirt's
// code and domain, e.g. "(libvirt 55/10)", which is what people search for.
Error lastError(std::string_view what);

inline tl::unexpected<Error> failLast(std::string_view what) {
  return fail(lastError(what));
}

}  // namespace vnic::hypervisor
