// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "api/vnic_profile.h"
#include "kube/client.h"

namespace vnic::reconcile::vnic {

// May Vnics of this namespace use the profile? With a selector on anything but the namespace's name
// this asks the API server for the Namespace.
Result<bool> mayUse(kube::Client& client, const api::AllowedNamespaces& allowed,
                    const std::string& ns);

}  // namespace vnic::reconcile::vnic
