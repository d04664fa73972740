// SPDX-License-Identifier: Apache-2.0
// One control plane for all tests of this program.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "kube/client.h"
#include "kube/connection.h"
#include "support/clock.h"
#include "support/control_plane_fixture.h"
#include "support/log.h"

namespace vnic::test {

inline constexpr char kOperatorNamespace[] = "vnic-operator-system";

class ApiServer {
 public:
  static ApiServer& shared();

  ControlPlane& controlPlane() { return controlPlane_; }
  kube::Client& client() { return *client_; }  // with the rights that the operator ships with
  kube::Client& admin() { return *admin_; }
  Clock& clock() { return clock_; }
  std::string kubeconfig() const { return controlPlane_.operatorKubeconfig(); }

 private:
  ApiServer();

  ControlPlane controlPlane_;
  SystemClock clock_;
  std::unique_ptr<kube::Connection> connection_, adminConnection_;
  std::unique_ptr<kube::Client> client_, admin_;
};

// Asks every 50 ms, for at most so long.
bool eventually(const std::function<bool()>& condition,
                Duration patience = std::chrono::seconds(30));

}  // namespace vnic::test
