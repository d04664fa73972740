// SPDX-License-Identifier: Apache-2.0
#include "runtime/claim_lease.h"

#include "api/names.h"
#include "kube/typed.h"
#include "support/time_format.h"

namespace vnic::runtime {
namespace {

// Between reading and writing somebody may be faster; that often, and it is his turn.
constexpr int kTries = 3;

bool lostRace(const Error& error) {
  return error.kind == ErrorKind::Conflict || error.kind == ErrorKind::AlreadyExists;
}

Error contended(const std::string& name) {
  return {ErrorKind::Conflict, "Lease " + name + " keeps being changed by others"};
}

}  // namespace

Result<ClaimLeases::Claim> ClaimLeases::tryClaim(const std::string& name,
                                                 const std::string& holder) {
  for (int i = 0; i < kTries; ++i) {
    const auto current = holderOf(name);
    if (!current) return fail(current.error());
    if (*current) return Claim{**current == holder, **current};
    LeaseRecord record;
    record.holder = holder;
    record.acquireTime = record.renewTime = formatMicroTime(clock_.wall());
    api::ObjectMeta meta;
    meta.ns = ns_;
    meta.name = name;
    meta.labels = {{"app.kubernetes.io/managed-by", api::kFieldManager}};
    const auto created = kube::createObject<Lease>(client_, meta, toJson(record));
    if (created) return Claim{true, holder};
    if (!lostRace(created.error())) return fail(created.error());
  }
  return fail(contended(name));
}

Status ClaimLeases::release(const std::string& name, const std::string& holder) {
  for (int i = 0; i < kTries; ++i) {
    const auto lease = kube::getObject<Lease>(client_, {ns_, name});
    if (!lease) {
      if (lease.error().kind == ErrorKind::NotFound) return {};
      return fail(lease.error());
    }
    if (lease->spec.holder != holder) return {};
    // Deleted rather than emptied: a claim that nobody holds leaves nothing behind.
    Status removed = kube::removeObject(client_, *lease);
    if (removed) return {};
    if (!lostRace(removed.error())) return removed;
  }
  return fail(contended(name));
}

Result<std::optional<std::string>> ClaimLeases::holderOf(const std::string& name) {
  const auto lease = kube::getObject<Lease>(client_, {ns_, name});
  if (lease) return lease->spec.holder;
  if (lease.error().kind == ErrorKind::NotFound) return std::nullopt;
  return fail(lease.error());
}

}  // namespace vnic::runtime
