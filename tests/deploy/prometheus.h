// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "deploy/tools.h"

namespace vnic::test {

// Debian's promtool with arguments.
CommandResult promtool(std::vector<std::string> arguments, std::string_view input = {});

// GET of a server on loopback; throws std::runtime_error for anything but 200.
std::string httpGet(std::uint16_t port, const std::string& path);

// Debian's Prometheus on a port of loopback, scraping another one every second and evaluating
// rules.
class Prometheus {
 public:
  Prometheus(std::uint16_t scraped, const std::filesystem::path& rules);
  Prometheus(const Prometheus&) = delete;
  Prometheus& operator=(const Prometheus&) = delete;

  // `data` of the answer of its HTTP API.
  nlohmann::json get(const std::string& path) const;
  // The result of an instant query.
  nlohmann::json query(const std::string& expression) const;

 private:
  TemporaryFolder folder_;
  std::unique_ptr<ChildProcess> process_;
  std::uint16_t port_ = 0;
};

}  // namespace vnic::test
