// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "support/error.h"

namespace vnic::test {

// An error as the adapter gives it: libvirt's code decides the kind.
Error libvirtError(int code, std::string message);
// No route to the host of that URI.
Error unreachable(const std::string& uri);

}  // namespace vnic::test
