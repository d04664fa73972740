// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vnic_profile/reconciler.h"

#include <utility>

#include "api/names.h"
#include "kube/typed.h"
#include "reconcile/paused.h"

namespace vnic::reconcile::vnic_profile {

StatusInput VnicProfileReconciler::gather(const api::VnicProfile& profile) const {
  return {profile,
          ports_.profiles.list(),
          ports_.vnics.list(),
          ports_.hosts.list(),
          ports_.hostCache,
          domain::groupByHost(ports_.reservations.list()),
          ports_.clock.wall()};
}

Result<Done> VnicProfileReconciler::reconcile(const api::ObjectKey& key, std::stop_token) {
  const auto cached = ports_.profiles.get(key);
  if (!cached) return Done{};
  if (isPaused(cached->metadata)) {
    const Status told = tellPaused(ports_.client, *cached, ports_.clock.wall());
    if (!told) return fail(told.error());
    return Done{};
  }
  api::VnicProfile profile = *cached;
  const StatusInput input = gather(profile);
  const bool used = usersOf(input).any();
  if (used && !profile.metadata.deleting()) {
    auto guarded = kube::addFinalizer(ports_.client, profile);
    if (!guarded) return fail(guarded.error());
    profile = std::move(*guarded);
  } else if (!used && profile.metadata.hasFinalizer(api::kFinalizer)) {
    const Status freed = kube::removeFinalizer(ports_.client, profile);
    if (!freed) return fail(freed.error());
    return Done{};  // the change brings us back
  }
  const api::VnicProfileStatus status = buildStatus(input);
  if (status == profile.status) return Done{};
  const auto written =
      kube::applyStatus<api::VnicProfile>(ports_.client, profile.metadata, toJson(status));
  if (!written && written.error().kind != ErrorKind::NotFound) return fail(written.error());
  return Done{};
}

}  // namespace vnic::reconcile::vnic_profile
