// SPDX-License-Identifier: Apache-2.0
#include "serving/http_message.h"

#include <string_view>

namespace vnic::serving {

void setTarget(Request& request, const std::string& target) {
  const auto mark = target.find('?');
  request.path = target.substr(0, mark);
  request.query.clear();
  if (mark == std::string::npos) return;
  std::string_view rest = std::string_view(target).substr(mark + 1);
  while (!rest.empty()) {
    const auto end = rest.find('&');
    const std::string_view pair = rest.substr(0, end);
    const auto equals = pair.find('=');
    if (!pair.empty()) {
      request.query[std::string(pair.substr(0, equals))] =
          equals == std::string_view::npos ? "" : std::string(pair.substr(equals + 1));
    }
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
}

}  // namespace vnic::serving
