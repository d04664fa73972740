// SPDX-License-Identifier: Apache-2.0
// Who may touch the devices of a VM: the one object whose uid its claim (a Lease) names.
#pragma once

#include <string>

#include "kube/client.h"
#include "runtime/claim_lease.h"
#include "support/error.h"

namespace vnic::reconcile {

// The name of a VM's claim.
std::string claimName(const std::string& vmUuid);

// Claims the VM for `uid`, an object in namespace `ns`. A claim of an object that is gone or
// finished is taken from it, after the API server itself, not a cache, has said so. Gives the uid
// of who holds the VM now: `uid`, or another living object's.
Result<std::string> takeVm(kube::Client& client, runtime::ClaimLeases& claims,
                           const std::string& ns, const std::string& uid,
                           const std::string& vmUuid);

}  // namespace vnic::reconcile
