// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <simdjson.h>

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "api/meta.h"
#include "support/error.h"

namespace vnic::runtime {

// spec of a Lease. Times are MicroTime, "" = absent.
struct LeaseRecord {
  std::string holder;
  int durationSeconds = 0;  // 0 = absent
  std::string acquireTime;
  std::string renewTime;
  int transitions = 0;

  bool operator==(const LeaseRecord&) const = default;
};

// coordination.k8s.io/v1 Lease.
struct Lease {
  static constexpr api::ResourceType resource{"coordination.k8s.io", "v1", "leases", "Lease", true};
  api::ObjectMeta metadata;
  LeaseRecord spec;

  static Result<Lease> decode(simdjson::dom::element object);
};

nlohmann::json toJson(const LeaseRecord& spec);

}  // namespace vnic::runtime
