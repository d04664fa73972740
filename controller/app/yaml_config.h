// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace vnic::app {

// Lets CLI11 read `--config` as YAML:
//
//   apiVersion: config.vnic.dev/v1alpha1
//   kind: OperatorConfiguration
//   workers: 8               # any flag, in camelCase
//
// CLI11 prefers a file over the environment; here the environment wins, so a key whose variable is
// set is left out.
class YamlConfig final : public CLI::Config {
 public:
  std::string to_config(const CLI::App* app, bool defaults, bool descriptions,
                        std::string prefix) const override;
  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override;
};

std::string kebabCase(std::string_view camelCase);  // maxParallel -> max-parallel
std::string environmentName(
    std::string_view kebabCase);  // max-parallel -> VNIC_OPERATOR_MAX_PARALLEL

}  // namespace vnic::app
