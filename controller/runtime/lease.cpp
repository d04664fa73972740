// SPDX-License-Identifier: Apache-2.0
#include "runtime/lease.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "api/decode.h"

namespace vnic::runtime {

Result<Lease> Lease::decode(simdjson::dom::element object) {
  auto metadata = api::decodeMeta(object);
  if (!metadata) return fail(metadata.error());
  Lease lease;
  lease.metadata = std::move(*metadata);
  std::optional<Error> error;
  api::FieldReader root(object, error);
  api::FieldReader spec = root.object("spec");
  spec.read("holderIdentity", lease.spec.holder);
  spec.read("leaseDurationSeconds", lease.spec.durationSeconds);
  spec.read("acquireTime", lease.spec.acquireTime);
  spec.read("renewTime", lease.spec.renewTime);
  spec.read("leaseTransitions", lease.spec.transitions);
  if (error) return fail(std::move(*error));
  return lease;
}

nlohmann::json toJson(const LeaseRecord& spec) {
  nlohmann::json json{{"holderIdentity", spec.holder}, {"leaseTransitions", spec.transitions}};
  if (spec.durationSeconds > 0) json["leaseDurationSeconds"] = spec.durationSeconds;
  if (!spec.acquireTime.empty()) json["acquireTime"] = spec.acquireTime;
  if (!spec.renewTime.empty()) json["renewTime"] = spec.renewTime;
  return json;
}

}  // namespace vnic::runtime
