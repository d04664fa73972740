// SPDX-License-Identifier: Apache-2.0
#include "support/control_plane_fixture.h"

#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <iostream>
#include <stdexcept>
#include <system_error>

#include "support/source_tree.h"

namespace vnic::test {
namespace {

const std::string kScript = sourcePath("tests/support/control-plane/control-plane");

std::filesystem::path newDirectory() {
  std::string name = std::filesystem::temp_directory_path() / "vnic-control-plane.XXXXXX";
  if (mkdtemp(name.data()) == nullptr) {
    throw std::system_error(errno, std::generic_category(), name);
  }
  return name;
}

}  // namespace

ControlPlane::ControlPlane(const Options& options) : dir_(newDirectory()) {
  std::vector<std::string> up{"up", "--while", std::to_string(getpid())};
  if (!options.controllerManager) up.push_back("--without-controller-manager");
  std::vector<std::string> flags = options.apiServerFlags;
  if (options.audit) {
    flags.push_back("--audit-policy-file=" +
                    sourcePath("tests/support/control-plane/audit-policy.yaml"));
    flags.push_back("--audit-log-path=" + auditLog().string());
  }
  for (const std::string& flag : flags) up.insert(up.end(), {"--apiserver-flag", flag});
  if (!options.networkNamespace.empty()) {
    up.insert(up.end(), {"--netns", options.networkNamespace});
  }
  try {
    control(up);
    if (options.install) control({"install"});
  } catch (...) {
    down();
    throw;
  }
}

ControlPlane::~ControlPlane() {
  down();
}

// Called where there is nobody to catch an exception.
void ControlPlane::down() noexcept {
  try {
    control({"down"});
    std::filesystem::remove(dir_);
  } catch (const std::exception& error) {
    std::cerr << "a control plane is left in " << dir_ << ": " << error.what() << '\n';
  }
}

CommandResult ControlPlane::kubectl(const std::vector<std::string>& arguments,
                                    std::string_view input) const {
  std::vector<std::string> command{kScript, "--dir", dir_, "kubectl"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return runCommand(command, input);
}

CommandResult ControlPlane::kubectlAsOperator(const std::vector<std::string>& arguments,
                                              std::string_view input) const {
  std::vector<std::string> asOperator{"--kubeconfig", operatorKubeconfig()};
  asOperator.insert(asOperator.end(), arguments.begin(), arguments.end());
  return kubectl(asOperator, input);
}

void ControlPlane::control(std::vector<std::string> command) const {
  command.insert(command.begin(), kScript);
  command.insert(command.end(), {"--dir", dir_});
  const CommandResult result = runCommand(command);
  if (!result.ok()) throw std::runtime_error(result.err.empty() ? result.out : result.err);
}

}  // namespace vnic::test
