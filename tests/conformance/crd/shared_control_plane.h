// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/control_plane_fixture.h"

namespace vnic::test {

// The one control plane of this program, with CRDs and RBAC. None of its tests changes what another
// one sees: they write nothing, or objects with names of their own.
ControlPlane& sharedControlPlane();

}  // namespace vnic::test
