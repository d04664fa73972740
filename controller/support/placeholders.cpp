// SPDX-License-Identifier: Apache-2.0
#include "support/placeholders.h"

#include <functional>

namespace vnic {
namespace {

Error unknown(std::string_view name,
              const std::map<std::string, std::string, std::less<>>& values) {
  std::string known;
  for (const auto& [key, value] : values) known += (known.empty() ? "{" : ", {") + key + "}";
  return Error::invalid("there is no {" + std::string(name) + "}; there is " + known);
}

}  // namespace

Result<std::string> fillPlaceholders(
    std::string_view text, const std::map<std::string, std::string, std::less<>>& values) {
  std::string filled;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t brace = text.find_first_of("{}", at);
    filled += text.substr(at, brace - at);
    if (brace == std::string_view::npos) break;
    const std::size_t end = text.find('}', brace);
    if (text[brace] == '}' || end == std::string_view::npos) {
      return fail(Error::invalid("a brace has no partner in " + std::string(text)));
    }
    const std::string_view name = text.substr(brace + 1, end - brace - 1);
    const auto value = values.find(name);
    if (value == values.end()) return fail(unknown(name, values));
    filled += value->second;
    at = end + 1;
  }
  return filled;
}

}  // namespace vnic
