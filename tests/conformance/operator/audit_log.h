// SPDX-License-Identifier: Apache-2.0
// What kube-apiserver wrote down about somebody's requests.
#pragma once

#include <compare>
#include <filesystem>
#include <iosfwd>
#include <string>
#include <vector>

namespace vnic::test {

// One thing that somebody may do, in RBAC's terms.
struct Permission {
  std::string verb;
  std::string group;
  std::string resource;  // "vmhosts", "vmhosts/status"; a path for what is no resource
  std::string ns;        // of a request: where the object is, "" = cluster-wide

  auto operator<=>(const Permission&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Permission& permission);

struct AuditedRequest {
  Permission permission;
  int code = 0;  // HTTP status of the answer
};

// All that was asked by that user, in the order in which they were answered. Waits until every
// request that has begun is answered (of a watch: has begun to be answered); throws when that takes
// longer than ten seconds.
std::vector<AuditedRequest> readAuditLog(const std::filesystem::path& file,
                                         const std::string& user);

}  // namespace vnic::test
