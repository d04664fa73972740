// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/meta.h"

namespace vnic::kube {

// RFC 3986: everything but unreserved characters is escaped. Fit for path segments and query
// values.
std::string percentEncode(std::string_view text);

// /apis/GROUP/VERSION[/namespaces/NS]/PLURAL, or /api/VERSION/... for the core group. An empty
// namespace means all of them.
std::string collectionPath(const api::ResourceType& type, std::string_view ns);

// collectionPath/NAME[/SUBRESOURCE]
std::string objectPath(const api::ResourceType& type, const api::ObjectKey& key,
                       std::string_view subresource = {});

// Adds "?a=b&c=d" to a path; parameters with an empty value are left out.
using Parameters = std::vector<std::pair<std::string_view, std::string>>;
std::string withQuery(std::string path, const Parameters& parameters);

}  // namespace vnic::kube
