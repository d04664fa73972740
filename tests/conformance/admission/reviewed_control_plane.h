// SPDX-License-Identifier: Apache-2.0
// A real API server that asks the real operator's webhook, set up from what deploy/ ships.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "conformance/admission/operator_process.h"
#include "support/control_plane_fixture.h"
#include "support/temporary_folder.h"
#include "support/test_certificates.h"

namespace vnic::test {

class ReviewedControlPlane {
 public:
  explicit ReviewedControlPlane(const ControlPlane::Options& options = {});

  CommandResult kubectl(const std::vector<std::string>& arguments, std::string_view input = {}) {
    return controlPlane_.kubectl(arguments, input);
  }
  CommandResult apply(const std::string& yaml) { return kubectl({"apply", "-f", "-"}, yaml); }
  ControlPlane& controlPlane() { return controlPlane_; }
  OperatorProcess& process() { return *operator_; }

  // Starts the operator, again if need be, with a certificate of the authority; it is not asked
  // yet. `more` are further flags.
  void startOperator(const std::vector<std::string>& more = {});
  // The shipped ValidatingWebhookConfiguration, with the operator's address on loopback and the
  // authority's certificate in it. Returns when the API server asks.
  void askOperator();
  void askNobody();
  // A certificate of that authority, as a new version of the mounted Secret.
  void installCertificate(const TestAuthority& authority);
  // Only this authority is believed from now on.
  void trust(const TestAuthority& authority);
  const TestAuthority& authority() const { return authority_; }

  // Does the API server ask, and get an answer? Shown by a profile that only the webhook refuses.
  bool isAsked();

 private:
  ControlPlane controlPlane_;
  TestAuthority authority_;
  TemporaryFolder certificates_;
  std::unique_ptr<OperatorProcess> operator_;
};

// Asks every 100 ms, for at most a minute.
bool eventually(const std::function<bool()>& condition);

}  // namespace vnic::test
