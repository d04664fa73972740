// SPDX-License-Identifier: Apache-2.0
// What a person can do about a host that cannot be connected to.
#pragma once

#include <string>

#include "support/error.h"

namespace vnic::hypervisor {

// TLS did not come about: a certificate is missing, expired, of another authority or another name.
bool isCertificateError(const Error& error);

// One sentence without a full stop.
std::string connectionFix(const Error& error);

}  // namespace vnic::hypervisor
