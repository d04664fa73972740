// SPDX-License-Identifier: Apache-2.0
#include "serving/router.h"

namespace vnic::serving {

Response Router::operator()(const Request& request) const {
  std::string path = request.path;
  while (!path.empty()) {
    if (const auto found = routes_.find(path); found != routes_.end()) {
      if (!found->second.methods.contains(request.method)) {
        return {405, "text/plain; charset=utf-8", "Method not allowed\n"};
      }
      return found->second.handler(request);
    }
    // A target may be "*" or a whole URL as well: no '/' is possible.
    const auto parent = path.rfind('/');
    path.resize(parent == std::string::npos ? 0 : parent);
  }
  return {404, "text/plain; charset=utf-8", "Not found\n"};
}

}  // namespace vnic::serving
