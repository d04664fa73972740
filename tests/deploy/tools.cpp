// SPDX-License-Identifier: Apache-2.0
#include "deploy/tools.h"

#include <stdlib.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>

namespace vnic::test {
std::string deployTool(const std::string& name) {
  static const std::string folder = [] {
    const CommandResult result =
        runCommand({sourcePath("tests/support/control-plane/tools.sh"), "deploy"});
    if (!result.ok()) throw std::runtime_error(result.err);
    return result.out.substr(0, result.out.find('\n'));
  }();
  return folder + "/" + name;
}

std::string readFile(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

CommandResult Helm::run(const std::vector<std::string>& arguments) const {
  std::vector<std::string> command{deployTool("helm")};
  command.insert(command.end(), arguments.begin(), arguments.end());
  const std::string home = home_.path();
  return runCommand(command, {},
                    {{"KUBECONFIG", kubeconfig_},
                     {"HELM_CACHE_HOME", home + "/cache"},
                     {"HELM_CONFIG_HOME", home + "/config"},
                     {"HELM_DATA_HOME", home + "/data"}});
}

CommandResult Helm::render(const std::vector<std::string>& arguments) const {
  std::vector<std::string> command{"template", "vnic-operator", kChart, "--namespace", kNamespace};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run(command);
}

void installForeignCrds(const ControlPlane& cluster) {
  const CommandResult folder =
      runCommand({sourcePath("tests/support/control-plane/foreign_crds.sh")});
  if (!folder.ok()) throw std::runtime_error(folder.err);
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"apply", "--server-side", "-f",
                                 folder.out.substr(0, folder.out.find('\n'))},
        std::vector<std::string>{"wait", "--for=condition=Established", "--timeout=30s", "crd",
                                 "--all"}}) {
    const CommandResult result = cluster.kubectl(command);
    if (!result.ok()) throw std::runtime_error(result.err);
  }
}

std::vector<nlohmann::json> objectsOf(const ControlPlane& cluster, const std::string& manifests) {
  const CommandResult result =
      cluster.kubectl({"create", "--dry-run=client", "-o", "json", "-f", "-"}, manifests);
  if (!result.ok()) throw std::runtime_error(result.err);
  // One after the other, not as a list.
  std::vector<nlohmann::json> objects;
  std::istringstream out(result.out);
  while (out >> std::ws && !out.eof()) out >> objects.emplace_back();
  return objects;
}

std::vector<std::filesystem::path> goldenFiles(std::string_view ending) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(sourcePath("tests/golden/helm"))) {
    if (entry.path().filename().string().ends_with(ending)) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace vnic::test
