// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

namespace vnic::test {

// Makes objects that nobody should apply: a valid one of a kind, in which some values were replaced
// by what is huge, deep, of a wrong type, not quite Unicode, or made to get out of XML, of a shell
// or of a log line. The same seed makes the same objects.
class HostileObjects {
 public:
  explicit HostileObjects(std::uint64_t seed) : random_(seed) {}

  // `kind` is one of kinds(); `name` becomes the object's, unless that was chosen to be replaced.
  nlohmann::json make(const std::string& kind, const std::string& name);
  static std::vector<std::string> kinds();

 private:
  std::size_t below(std::size_t end) { return random_() % end; }
  nlohmann::json hostileValue();
  void spoil(nlohmann::json& value);

  std::mt19937_64 random_;
  std::uint32_t made_ = 0;
};

}  // namespace vnic::test
