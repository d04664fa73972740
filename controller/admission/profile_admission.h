// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admission/review.h"
#include "admission/world.h"

namespace vnic::admission {

// May the profile become `after`? `before` nullptr = it is new, `after` nullptr = it goes. Pure. Of
// an update only what it makes wrong is refused: an object that was wrong before can be mended step
// by step.
Verdict judgeProfile(const api::VnicProfile* before, const api::VnicProfile* after,
                     const World& world);

}  // namespace vnic::admission
