// SPDX-License-Identifier: Apache-2.0
// As controller/precompiled.h, for the tests.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../controller/precompiled.h"
