// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vnic/reservations.h"

#include <fmt/format.h>

#include <utility>

#include "api/names.h"
#include "api/vm_migration.h"
#include "kube/typed.h"

namespace vnic::reconcile::vnic {
namespace {

Error conflict(std::string message) {
  return {ErrorKind::Conflict, std::move(message)};
}

// A merge patch only adds and changes; what the new object has not must be named to go.
nlohmann::json replacing(const nlohmann::json& before, nlohmann::json now) {
  for (const auto& [field, value] : before.items()) {
    if (!now.contains(field)) now[field] = nullptr;
  }
  return now;
}

Result<api::VfReservation> takeOver(kube::Client& client, const api::VfReservation& existing,
                                    const api::Vnic& vnic, const Claim& claim) {
  const api::VfReservationSpec& spec = existing.spec;
  if (spec.holder.uid != vnic.metadata.uid) {
    return fail(conflict(fmt::format("VF {} on {} is reserved for vnic {}", spec.address,
                                     spec.hostName, spec.holder.key().str())));
  }
  if (existing.metadata.deleting()) {
    return fail(conflict(fmt::format("vfreservation {} is being deleted", existing.metadata.name)));
  }
  const auto over = migrationOver(client, existing);
  if (!over) return fail(over.error());
  if (!*over) {
    return fail(conflict(fmt::format("vmmigration {} is at work on VF {} of {}",
                                     spec.migration->key().str(), spec.address, spec.hostName)));
  }
  api::VfReservationSpec wanted = spec;
  wanted.purpose = api::purpose::kInUse;
  wanted.migration.reset();
  wanted.vmUUID = claim.vmUuid;
  wanted.device = claim.device;
  if (wanted == spec) return existing;
  return kube::patchSpec(client, existing,
                         {{"purpose", wanted.purpose},
                          {"migration", nullptr},
                          {"vmUUID", wanted.vmUUID},
                          {"device", replacing(toJson(spec.device), toJson(wanted.device))}});
}

}  // namespace

Result<api::VfReservation> reserve(kube::Client& client, const api::Vnic& vnic,
                                   const Claim& claim) {
  api::ObjectMeta meta;
  meta.name = api::VfReservation::nameFor(claim.host, claim.vf.str());
  meta.finalizers = {api::kFinalizer};
  api::VfReservationSpec spec;
  spec.hostName = claim.host;
  spec.address = claim.vf.str();
  spec.holder = {vnic.metadata.ns, vnic.metadata.name, vnic.metadata.uid};
  spec.purpose = api::purpose::kInUse;
  spec.vmUUID = claim.vmUuid;
  spec.device = claim.device;
  auto created = kube::createObject<api::VfReservation>(client, meta, toJson(spec));
  if (created || created.error().kind != ErrorKind::AlreadyExists) return created;
  const auto existing = kube::getObject<api::VfReservation>(client, meta.key());
  if (!existing) return fail(existing.error());
  return takeOver(client, *existing, vnic, claim);
}

Result<bool> migrationOver(kube::Client& client, const api::VfReservation& reservation) {
  if (!reservation.spec.migration) return true;
  const auto migration =
      kube::getObject<api::VmMigration>(client, reservation.spec.migration->key());
  if (!migration) {
    if (migration.error().kind == ErrorKind::NotFound) return true;
    return fail(migration.error());
  }
  return migration->metadata.uid != reservation.spec.migration->uid || migration->finished();
}

Status startRelease(kube::Client& client, const api::VfReservation& reservation) {
  if (reservation.spec.purpose == api::purpose::kReleasing) return {};
  const auto patched =
      kube::patchSpec(client, reservation, {{"purpose", api::purpose::kReleasing}});
  if (!patched && patched.error().kind != ErrorKind::NotFound) return fail(patched.error());
  return {};
}

}  // namespace vnic::reconcile::vnic
