// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>

namespace vnic::serving {

struct Request {
  std::string method;                          // GET, POST, …
  std::string path;                            // decoded no further, begins with '/'
  std::map<std::string, std::string> query;    // "?verbose" is {"verbose", ""}
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

struct Response {
  int status = 200;
  std::string contentType = "text/plain; charset=utf-8";
  std::string body;
};

// Called on the server's thread; must be quick, because all connections wait for it.
using Handler = std::function<Response(const Request&)>;

// Splits a request target ("/readyz?verbose&exclude=x") into path and query of `request`.
void setTarget(Request& request, const std::string& target);

}  // namespace vnic::serving
