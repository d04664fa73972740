// SPDX-License-Identifier: Apache-2.0
// Walks the schemas of crds/*.yaml.
#pragma once

#include <yaml-cpp/yaml.h>

#include <string>
#include <vector>

namespace vnic::test {

// One node of a kind's schema.
struct SchemaNode {
  std::string kind;
  std::string path;  // "spec.physicalFunctions[].device"; "" = the object itself
  YAML::Node schema;
};

// One CEL rule, and the field that its error names.
struct SchemaRule {
  std::string kind;
  std::string field;
  std::string message;
};

// Every node below spec and status, and the objects themselves.
std::vector<SchemaNode> schemaNodes();
std::vector<SchemaRule> schemaRules();

}  // namespace vnic::test
