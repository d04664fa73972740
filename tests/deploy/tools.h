// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "support/control_plane_fixture.h"
#include "support/source_tree.h"
#include "support/temporary_folder.h"

namespace vnic::test {

inline const std::string kChart = sourcePath("helm/vnic-operator");
inline constexpr char kNamespace[] = "vnic-operator-system";

// The path of a command that tests/support/control-plane/tools/deploy pins: helm, kstatus,
// argohealth. Built where that has not been done.
std::string deployTool(const std::string& name);

std::string readFile(const std::filesystem::path& path);

// The pinned helm. Without a control plane it reaches no cluster.
class Helm {
 public:
  Helm() = default;
  explicit Helm(const ControlPlane& cluster) : kubeconfig_(cluster.adminKubeconfig()) {}

  CommandResult run(const std::vector<std::string>& arguments) const;
  // The chart's manifests for a release of its own name.
  CommandResult render(const std::vector<std::string>& arguments) const;

 private:
  std::string kubeconfig_ = "/dev/null";
  TemporaryFolder home_;
};

// Gives the API server the kinds of others that our manifests use: cert-manager's and the
// Prometheus operator's.
void installForeignCrds(const ControlPlane& cluster);

// Every object of a stream of YAML documents, as the API server's own tools read it.
std::vector<nlohmann::json> objectsOf(const ControlPlane& cluster, const std::string& manifests);

// The files of tests/golden/helm that end so, in the order of their names.
std::vector<std::filesystem::path> goldenFiles(std::string_view ending);

}  // namespace vnic::test
