// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

#include "serving/http_message.h"

namespace vnic::serving {

// Chooses a handler by path: the exact one, or the longest that is a parent folder of it ("/readyz"
// gets "/readyz/caches" too). Everything else is 404, a method that the path does not take 405.
class Router {
 public:
  // What is read: GET and HEAD.
  void add(std::string path, Handler handler) {
    routes_[std::move(path)] = {{"GET", "HEAD"}, std::move(handler)};
  }
  // What takes a body: POST.
  void addPost(std::string path, Handler handler) {
    routes_[std::move(path)] = {{"POST"}, std::move(handler)};
  }
  Response operator()(const Request& request) const;

 private:
  struct Route {
    std::set<std::string> methods;
    Handler handler;
  };
  std::map<std::string, Route> routes_;
};

}  // namespace vnic::serving
