// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "lab/guest.h"
#include "lab/migration.h"
#include "lab/settled.h"
#include "lab/tools.h"

namespace vnic::lab {

// A scenario on the lab with the operator at work. When one fails it says what the operator logged
// and what the objects are.
class LabTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // Moves it and waits for the end; expects that it runs there, and how the migration ended.
  Json migrate(const Guest& guest, const std::string& target, Json spec = Json::object());
};

}  // namespace vnic::lab
