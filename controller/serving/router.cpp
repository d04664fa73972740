// SPDX-License-Identifier: Apache-2.0
#include "serving/router.h"

namespace vnic::serving {

Response Router::operator()(const Request& request) const {
  for (std::string path = request.path; !path.empty(); path.resize(path.rfind('/'))) {
    const auto found = routes_.find(path);
    if (found == routes_.end()) continue;
    if (request.method != "GET" && request.method != "HEAD") {
      return {405, "text/plain; charset=utf-8", "Method not allowed\n"};
    }
    return found->second(request);
  }
  return {404, "text/plain; charset=utf-8", "Not found\n"};
}

}  // namespace vnic::serving
