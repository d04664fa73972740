// SPDX-License-Identifier: Apache-2.0
#include "domain/vnic_manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

namespace vnic::domain {
namespace {

// The names of most objects: nothing that YAML reads as a number, a boolean or punctuation.
bool isBareWord(std::string_view text) {
  static constexpr std::string_view kKeywords[] = {"true", "false", "yes", "no", "on",
                                                   "off",  "null",  "y",   "n"};
  if (text.empty() || !std::isalpha(static_cast<unsigned char>(text.front()))) return false;
  const bool plain = std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '.' || c == '_' || c == '/';
  });
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return plain &&
         std::find(std::begin(kKeywords), std::end(kKeywords), lower) == std::end(kKeywords);
}

}  // namespace

std::string yamlScalar(std::string_view text) {
  if (isBareWord(text)) return std::string(text);
  // A JSON string is a YAML scalar; what is no UTF-8 is replaced.
  return nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

std::string kubernetesName(std::string_view text, std::size_t limit) {
  std::string name;
  for (const char c : text.substr(0, limit)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 128 && std::isalnum(byte)) {
      name += static_cast<char>(std::tolower(byte));
    } else if (!name.empty() && name.back() != '-') {
      name += '-';
    }
  }
  if (!name.empty() && name.back() == '-') name.pop_back();
  return name;
}

std::string vnicName(const std::string& vmName, const std::string& mac) {
  std::string digits;
  for (const char c : mac) {
    if (std::isxdigit(static_cast<unsigned char>(c))) digits += c;
  }
  if (digits.size() > 6) digits.erase(0, digits.size() - 6);
  const std::string vm = kubernetesName(vmName);
  return fmt::format("{}-{}", vm.empty() ? "vm" : vm, digits);
}

std::string toYaml(const VnicManifest& vnic) {
  const std::string ns =
      vnic.ns.empty() ? "" : fmt::format("  namespace: {}\n", yamlScalar(vnic.ns));
  return fmt::format(
      "---\napiVersion: vnic.dev/v1alpha1\nkind: Vnic\nmetadata:\n{}  name: {}\nspec:\n"
      "  vmName: {}\n  profile:\n    name: {}\n  macAddress: {}\n",
      ns, yamlScalar(vnicName(vnic.vmName, vnic.mac)), yamlScalar(vnic.vmName),
      yamlScalar(vnic.profile), yamlScalar(vnic.mac));
}

std::string toYamlLine(const VnicManifest& vnic) {
  const std::string ns = vnic.ns.empty() ? "" : fmt::format("namespace: {}, ", yamlScalar(vnic.ns));
  return fmt::format(
      "{{apiVersion: vnic.dev/v1alpha1, kind: Vnic, metadata: {{{}name: {}}}, spec: {{vmName: {}, "
      "profile: {{name: {}}}, macAddress: {}}}}}",
      ns, yamlScalar(vnicName(vnic.vmName, vnic.mac)), yamlScalar(vnic.vmName),
      yamlScalar(vnic.profile), yamlScalar(vnic.mac));
}

}  // namespace vnic::domain
