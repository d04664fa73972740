// SPDX-License-Identifier: Apache-2.0
#include "agent/ledger.h"

#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

namespace vnic::agent {
namespace {

constexpr char kEntry[] = "entry";
constexpr char kFilter[] = "filter";

}  // namespace

Result<Ledger> Ledger::open(const std::filesystem::path& directory) {
  std::error_code failed;
  std::filesystem::create_directories(directory, failed);
  Ledger ledger(directory / "pins.json");
  if (auto done = ledger.load(); !done) return fail(done.error());
  if (auto done = ledger.store(); !done) return fail(done.error());
  return ledger;
}

Status Ledger::load() {
  std::ifstream stream(file_);
  if (!stream) return {};
  const auto json = nlohmann::json::parse(stream, nullptr, false);
  try {
    for (const auto& pin : json.at("pins")) {
      pins_.insert({pin.at("kind") == kFilter ? Pin::Kind::Filter : Pin::Kind::Entry,
                    pin.at("link").get<int>(), pin.at("mac").get<std::string>()});
    }
  } catch (const nlohmann::json::exception& error) {
    return fail(Error::terminal(fmt::format(
        "{} is not what the agent writes ({}); remove the pins by hand (bridge fdb), then the file",
        file_.string(), error.what())));
  }
  return {};
}

// Another file and a rename: whenever we are killed, one of the two is whole.
Status Ledger::store() const {
  nlohmann::json pins = nlohmann::json::array();
  for (const Pin& pin : pins_) {
    pins.push_back({{"kind", pin.kind == Pin::Kind::Filter ? kFilter : kEntry},
                    {"link", pin.link},
                    {"mac", pin.mac}});
  }
  const std::filesystem::path next = file_.string() + ".new";
  std::ofstream stream(next);
  stream << nlohmann::json{{"pins", pins}} << std::endl;
  std::error_code failed;
  if (stream) std::filesystem::rename(next, file_, failed);
  if (!stream || failed) {
    return fail(Error::terminal(fmt::format("{} cannot be written", file_.string())));
  }
  return {};
}

Status Ledger::insert(const Pin& pin) {
  if (!pins_.insert(pin).second) return {};
  return store();
}

Status Ledger::erase(const Pin& pin) {
  if (pins_.erase(pin) == 0) return {};
  return store();
}

}  // namespace vnic::agent
