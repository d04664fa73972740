// SPDX-License-Identifier: Apache-2.0
#include "conformance/crd/crd_schema.h"

#include <filesystem>

#include "support/source_tree.h"

namespace vnic::test {
namespace {

void walk(const std::string& kind, const std::string& path, const YAML::Node& schema,
          std::vector<SchemaNode>& nodes) {
  nodes.push_back({kind, path, schema});
  for (const auto& property : schema["properties"]) {
    const auto name = property.first.as<std::string>();
    // What every object has is Kubernetes', not ours.
    if (path.empty() && (name == "apiVersion" || name == "kind" || name == "metadata")) continue;
    walk(kind, path.empty() ? name : path + "." + name, property.second, nodes);
  }
  if (schema["items"]) walk(kind, path + "[]", schema["items"], nodes);
}

}  // namespace

std::vector<SchemaNode> schemaNodes() {
  std::vector<SchemaNode> nodes;
  for (const auto& file : std::filesystem::directory_iterator(sourcePath("crds"))) {
    if (file.path().extension() != ".yaml") continue;
    const YAML::Node spec = YAML::LoadFile(file.path())["spec"];
    for (const auto& version : spec["versions"]) {
      walk(spec["names"]["kind"].as<std::string>(), "", version["schema"]["openAPIV3Schema"],
           nodes);
    }
  }
  return nodes;
}

std::vector<SchemaRule> schemaRules() {
  std::vector<SchemaRule> rules;
  for (const SchemaNode& node : schemaNodes()) {
    for (const auto& rule : node.schema["x-kubernetes-validations"]) {
      std::string field = node.path + rule["fieldPath"].as<std::string>("");
      if (!field.empty() && field.front() == '.') field.erase(0, 1);
      rules.push_back({node.kind, field, rule["message"].as<std::string>()});
    }
  }
  return rules;
}

}  // namespace vnic::test
