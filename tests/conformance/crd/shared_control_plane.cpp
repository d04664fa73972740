// SPDX-License-Identifier: Apache-2.0
#include "conformance/crd/shared_control_plane.h"

#include <gtest/gtest.h>

#include <memory>

namespace vnic::test {
namespace {

// GoogleTest runs TearDown before the process ends, and so before static objects go.
class Environment : public ::testing::Environment {
 public:
  void SetUp() override {
    ControlPlane::Options options;
    options.controllerManager = true;
    controlPlane = std::make_unique<ControlPlane>(options);
  }
  void TearDown() override { controlPlane.reset(); }

  std::unique_ptr<ControlPlane> controlPlane;
};

// Owned by GoogleTest.
Environment* const environment = new Environment;
const ::testing::Environment* const registered = ::testing::AddGlobalTestEnvironment(environment);

}  // namespace

ControlPlane& sharedControlPlane() {
  return *environment->controlPlane;
}

}  // namespace vnic::test
