// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "serving/http_message.h"

namespace vnic::serving {

// Chooses a handler by path: the exact one, or the longest that is a parent folder of it ("/readyz"
// gets
// "/readyz/caches" too). GET and HEAD only, as long as nothing here takes a body.
class Router {
 public:
  void add(std::string path, Handler handler) { routes_[std::move(path)] = std::move(handler); }
  Response operator()(const Request& request) const;

 private:
  std::map<std::string, Handler> routes_;
};

}  // namespace vnic::serving
