// SPDX-License-Identifier: Apache-2.0
#include "deploy/prometheus.h"

#include <chrono>
#include <fstream>
#include <regex>
#include <stdexcept>
#include <vector>

#include "support/eventually.h"

namespace vnic::test {
namespace {

std::string toolFolder() {
  const CommandResult result = runCommand({sourcePath("tests/support/prometheus.sh")});
  if (!result.ok()) throw std::runtime_error(result.err);
  return result.out.substr(0, result.out.find('\n')) + "/";
}

std::string urlEncoded(const std::string& text) {
  std::string encoded;
  char digits[4];
  for (const unsigned char c : text) {
    std::snprintf(digits, sizeof digits, "%%%02X", c);
    encoded += digits;
  }
  return encoded;
}

}  // namespace

CommandResult promtool(std::vector<std::string> arguments, std::string_view input) {
  arguments.insert(arguments.begin(), toolFolder() + "promtool");
  return runCommand(arguments, input);
}

std::string httpGet(std::uint16_t port, const std::string& path) {
  const std::string url = "http://127.0.0.1:" + std::to_string(port) + path;
  const CommandResult result =
      runCommand({"curl", "--silent", "--show-error", "--fail-with-body", "--max-time", "20", url});
  if (!result.ok()) throw std::runtime_error(url + ": " + result.err + result.out);
  return result.out;
}

Prometheus::Prometheus(std::uint16_t scraped, const std::filesystem::path& rules) {
  std::ofstream(folder_.path() / "prometheus.yml")
      << "global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [" << rules
      << "]\nscrape_configs:\n- job_name: vnic-operator\n  static_configs: [{targets: "
         "[\"127.0.0.1:"
      << scraped << "\"]}]\n";
  process_ = std::make_unique<ChildProcess>(std::vector<std::string>{
      toolFolder() + "prometheus", "--config.file=" + (folder_.path() / "prometheus.yml").string(),
      "--storage.tsdb.path=" + (folder_.path() / "data").string(),
      "--web.listen-address=127.0.0.1:0"});
  // It listens before it has read its own data, and answers 503 meanwhile.
  const std::regex listening("Listening on\" address=127.0.0.1:([0-9]+)");
  constexpr char kReady[] = "Server is ready to receive web requests";
  std::smatch found;
  std::string output;
  const auto serves = [&] {
    output = process_->output();
    return output.find(kReady) != std::string::npos && std::regex_search(output, found, listening);
  };
  if (!eventually(std::chrono::seconds(60), serves)) {
    throw std::runtime_error("Prometheus does not serve:\n" + output);
  }
  port_ = static_cast<std::uint16_t>(std::stoi(found[1]));
}

nlohmann::json Prometheus::get(const std::string& path) const {
  return nlohmann::json::parse(httpGet(port_, path)).at("data");
}

nlohmann::json Prometheus::query(const std::string& expression) const {
  return get("/api/v1/query?query=" + urlEncoded(expression)).at("result");
}

}  // namespace vnic::test
