// SPDX-License-Identifier: Apache-2.0
#include "app/yaml_config.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <cctype>
#include <cstdlib>
#include <string>
#include <vector>

namespace vnic::app {
namespace {

constexpr char kApiVersion[] = "config.vnic.dev/v1alpha1";
constexpr char kKind[] = "OperatorConfiguration";

void requireField(const YAML::Node& root, const char* field, const char* expected) {
  if (!root[field] || !root[field].IsScalar() || root[field].Scalar() != expected) {
    throw CLI::FileError(fmt::format("the configuration's `{}` must be \"{}\"", field, expected));
  }
}

}  // namespace

std::string kebabCase(std::string_view camelCase) {
  std::string out;
  for (char c : camelCase) {
    if (std::isupper(static_cast<unsigned char>(c)) != 0) out += '-';
    out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return out;
}

std::string environmentName(std::string_view kebabCase) {
  std::string out = "VNIC_OPERATOR_";
  for (char c : kebabCase) {
    out += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return out;
}

std::string YamlConfig::to_config(const CLI::App*, bool, bool, std::string) const {
  return {};
}

std::vector<CLI::ConfigItem> YamlConfig::from_config(std::istream& input) const {
  YAML::Node root;
  try {
    root = YAML::Load(input);
  } catch (const YAML::Exception& e) {
    throw CLI::FileError(fmt::format("the configuration is not YAML: {}", e.what()));
  }
  if (!root.IsMap()) throw CLI::FileError("the configuration must be a YAML mapping");
  requireField(root, "apiVersion", kApiVersion);
  requireField(root, "kind", kKind);
  std::vector<CLI::ConfigItem> settings;
  for (const auto& entry : root) {
    const std::string key = entry.first.Scalar();
    if (key.empty()) throw CLI::FileError("the configuration has a key that is no name");
    if (key == "apiVersion" || key == "kind") continue;
    if (!entry.second.IsScalar()) {
      throw CLI::FileError(fmt::format("the configuration's `{}` must be a single value", key));
    }
    CLI::ConfigItem item;
    item.name = kebabCase(key);
    item.inputs = {entry.second.Scalar()};
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes the environment.
    if (std::getenv(environmentName(item.name).c_str()) == nullptr) settings.push_back(item);
  }
  return settings;
}

}  // namespace vnic::app
