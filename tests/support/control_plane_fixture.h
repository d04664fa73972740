// SPDX-License-Identifier: Apache-2.0
// A real Kubernetes control plane of a test's own: etcd, kube-apiserver and, where asked for,
// kube-controller-manager, started by tests/support/control-plane and gone with the object.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "support/command.h"

namespace vnic::test {

class ControlPlane {
 public:
  struct Options {
    bool controllerManager = false;  // garbage collection, namespace deletion, aggregated roles
    bool install = true;             // the CRDs and the operator's RBAC
    bool audit = false;              // auditLog() tells every request of a service account
    std::vector<std::string> apiServerFlags;  // --name=value, besides those that it always has
    std::string networkNamespace;             // "" = here
  };

  // Ready when it returns, about 3 s later. Throws std::runtime_error with the reason otherwise. It
  // also goes down by itself when this process dies.
  explicit ControlPlane(const Options& options);
  ControlPlane() : ControlPlane(Options{}) {}
  ~ControlPlane();
  ControlPlane(const ControlPlane&) = delete;
  ControlPlane& operator=(const ControlPlane&) = delete;

  std::filesystem::path adminKubeconfig() const { return dir_ / "admin.kubeconfig"; }
  // The operator's service account: may do what deploy/base/rbac grants, nothing else.
  std::filesystem::path operatorKubeconfig() const { return dir_ / "operator.kubeconfig"; }

  std::filesystem::path auditLog() const { return dir_ / "audit.log"; }

  // kubectl as admin, or as the operator. The result is the caller's to judge.
  CommandResult kubectl(const std::vector<std::string>& arguments,
                        std::string_view input = {}) const;
  CommandResult kubectlAsOperator(const std::vector<std::string>& arguments,
                                  std::string_view input = {}) const;

  // Kills the API server as a crash would; starts it on the same port with the same data, ready
  // when it returns. All throw std::runtime_error when that does not work.
  void stopApiServer() { control({"stop-apiserver"}); }
  void startApiServer() { control({"start-apiserver"}); }
  void restartApiServer() { control({"restart-apiserver"}); }
  // Drops etcd's history and the API server's watch cache: every older resourceVersion is 410 now.
  void compact() { control({"compact"}); }

 private:
  void control(std::vector<std::string> command) const;
  void down() noexcept;

  std::filesystem::path dir_;
};

}  // namespace vnic::test
