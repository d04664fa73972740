// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "admission/review.h"
#include "admission/world.h"

namespace vnic::admission {

// May Vnics of that namespace use a profile with these settings?
using NamespaceAccess =
    std::function<Result<bool>(const api::AllowedNamespaces& allowed, const std::string& ns)>;

// May the Vnic become `after`? `before` nullptr = it is new; it may always go (`after` nullptr).
// Pure but for `access`. A profile that does not exist, or cannot be used yet, is a warning:
// objects may be applied in any order, and the reconciler plugs the NIC once it can.
Verdict judgeVnic(const api::Vnic* before, const api::Vnic* after, const World& world,
                  const NamespaceAccess& access);

}  // namespace vnic::admission
