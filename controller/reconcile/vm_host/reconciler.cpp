// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vm_host/reconciler.h"

#include "api/names.h"
#include "kube/typed.h"
#include "reconcile/paused.h"
#include "reconcile/vm_host/status.h"

namespace vnic::reconcile::vm_host {

Result<Done> VmHostReconciler::reconcile(const api::ObjectKey& key, std::stop_token) {
  const auto host = ports_.hosts.get(key);
  if (!host) {
    ports_.hypervisor.removeHost(key.name);
    ports_.hostCache.remove(key.name);
    return Done{};
  }
  if (isPaused(host->metadata)) {
    const Status told = tellPaused(ports_.client, *host, ports_.clock.wall());
    if (!told) return fail(told.error());
    return Done{};
  }
  ports_.hypervisor.setHost(key.name, host->spec.libvirtURI);
  const bool answered = ports_.hostCache.refresh(key.name).has_value();
  const HostFactsPtr facts = ports_.hostCache.get(key.name);
  if (!facts) return Done{options_.retryPeriod};  // removed in between
  if (const Status written = writeStatus(*host, *facts); !written) return fail(written.error());
  return Done{answered ? options_.readPeriod : options_.retryPeriod};
}

Status VmHostReconciler::writeStatus(const api::VmHost& host, const HostFacts& facts) {
  const api::VmHostStatus status =
      buildStatus({host, facts, ports_.reservations.list(), ports_.vnics.list(),
                   ports_.profiles.list(), options_.operatorNamespace, ports_.clock.wall()});
  if (status == host.status) return {};
  const auto written = kube::applyStatus<api::VmHost>(ports_.client, host.metadata, toJson(status));
  if (!written && written.error().kind != ErrorKind::NotFound) return fail(written.error());
  return {};
}

}  // namespace vnic::reconcile::vm_host
