// SPDX-License-Identifier: Apache-2.0
#include "kube/resource_path.h"

#include <fmt/format.h>

#include <cctype>
#include <cstring>

namespace vnic::kube {

std::string percentEncode(std::string_view text) {
  std::string encoded;
  for (const char character : text) {
    const auto c = static_cast<unsigned char>(character);
    const bool unreserved = c < 0x80 && (std::isalnum(c) != 0 || std::strchr("-._~", c) != nullptr);
    if (unreserved && c != '\0') {
      encoded += static_cast<char>(c);
    } else {
      encoded += fmt::format("%{:02X}", c);
    }
  }
  return encoded;
}

std::string collectionPath(const api::ResourceType& type, std::string_view ns) {
  std::string path = type.group.empty() ? fmt::format("/api/{}", type.version)
                                        : fmt::format("/apis/{}/{}", type.group, type.version);
  if (type.namespaced && !ns.empty()) path += "/namespaces/" + percentEncode(ns);
  return path.append("/").append(type.plural);
}

std::string objectPath(const api::ResourceType& type, const api::ObjectKey& key,
                       std::string_view subresource) {
  std::string path = collectionPath(type, key.ns) + "/" + percentEncode(key.name);
  if (!subresource.empty()) path.append("/").append(subresource);
  return path;
}

std::string withQuery(std::string path, const Parameters& parameters) {
  char separator = '?';
  for (const auto& [name, value] : parameters) {
    if (value.empty()) continue;
    path += separator;
    path.append(name).append("=").append(percentEncode(value));
    separator = '&';
  }
  return path;
}

}  // namespace vnic::kube
