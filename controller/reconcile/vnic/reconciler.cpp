// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vnic/reconciler.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "api/names.h"
#include "kube/typed.h"
#include "reconcile/paused.h"
#include "reconcile/vnic/status.h"
#include "reconcile/vnic/vm_claim.h"
#include "support/time_format.h"

namespace vnic::reconcile::vnic {
namespace {

// Failures that say nothing against the NIC or the VF: try again soon, and do not count.
bool isOthersTurn(const Failure& failure) {
  return failure.reason == "VmClaimed" || failure.reason == "LeaderChanging" ||
         (failure.reason == "ReservationFailed" && failure.error.kind == ErrorKind::Conflict);
}

// A failover pair that the guest can have taken.
bool hasPair(const Observation& o) {
  return o.vm.found() && o.vm.running() && !o.migration && o.live.vf != nullptr &&
         !o.live.vf->standbyAlias.empty();
}

// No event tells that the guest's driver has come to it.
bool awaitsPair(const Observation& o) {
  return hasPair(o) && o.negotiated != true;
}

Duration delayAfter(int failures, Duration first, Duration longest) {
  Duration delay = first;
  for (int i = 1; i < failures && delay < longest; ++i) delay *= 2;
  return std::min(delay, longest);
}

}  // namespace

Result<Done> VnicReconciler::reconcile(const api::ObjectKey& key, std::stop_token) {
  VnicPtr vnic = ports_.sources.vnics.get(key);
  if (!vnic) {
    const std::lock_guard lock(mutex_);
    memories_.erase(key);
    return Done{};
  }
  if (isPaused(vnic->metadata)) {
    const Status told = tellPaused(ports_.effects.client, *vnic, ports_.clock.wall());
    if (!told) return fail(told.error());
    return Done{};
  }
  auto settled = settleFinalizer(vnic);
  if (!settled) return fail(settled.error());
  vnic = *settled;
  if (vnic->metadata.deleting() && !vnic->metadata.hasFinalizer(api::kFinalizer)) return Done{};

  Observation o = look(vnic);
  Plan next = plan(o);
  const Status acted = act(o, next);
  if (const auto written = writeStatus(vnic, o, next); !written) return fail(written.error());
  if (!acted) return fail(acted.error());
  if (next.reason.empty() || o.migration) forgetFailures(*vnic);
  if (const auto released = giveBackClaim(o); !released) return fail(released.error());
  if (const auto gone = letGo(vnic, o); !gone) return fail(gone.error());
  if (!next.requeueAfter && awaitsPair(o)) return Done{options_.pairCheck};
  return Done{next.requeueAfter};
}

// Only a Vnic that has to take its NIC along needs to be kept from going at once.
Result<VnicReconciler::VnicPtr> VnicReconciler::settleFinalizer(VnicPtr vnic) {
  if (vnic->metadata.deleting()) return vnic;
  const bool wanted = vnic->spec.deletionPolicy == "Detach";
  if (wanted == vnic->metadata.hasFinalizer(api::kFinalizer)) return vnic;
  if (wanted) {
    auto updated = kube::addFinalizer(ports_.effects.client, *vnic);
    if (!updated) return fail(updated.error());
    return std::make_shared<const api::Vnic>(std::move(*updated));
  }
  if (const auto done = kube::removeFinalizer(ports_.effects.client, *vnic); !done) {
    return fail(done.error());
  }
  auto updated = kube::getObject<api::Vnic>(ports_.effects.client, vnic->metadata.key());
  if (!updated) return fail(updated.error());
  return std::make_shared<const api::Vnic>(std::move(*updated));
}

Observation VnicReconciler::look(const VnicPtr& vnic) {
  Observation o =
      observe(vnic, ports_.sources, recall(*vnic).retry, ports_.clock.now(), ports_.clock.wall());
  o.negotiated = askNegotiated(o);
  return o;
}

// QEMU shows the VF of a pair to the guest only once the guest's driver has taken the standby.
std::optional<bool> VnicReconciler::askNegotiated(const Observation& o) {
  if (!hasPair(o)) return std::nullopt;
  Memory memory = recall(*o.vnic);
  const std::string pair = fmt::format("{} {} {} {}", o.vm.host(), o.vm.uuid(), o.live.vf->alias,
                                       o.live.vf->source.str());
  if (memory.negotiated == pair) return true;
  const auto visible = ports_.effects.hypervisor.guestDevices(o.vm.host(), o.vm.uuid());
  if (!visible) return std::nullopt;
  if (!visible->contains(o.live.vf->alias)) return false;
  memory.negotiated = pair;
  memorize(*o.vnic, memory);
  return true;
}

// At most one change to the VM and one adoption a pass; afterwards the world is looked at again, so
// that the status tells what came of it.
Status VnicReconciler::act(Observation& o, Plan& next) {
  if (next.step == Step::Plug || next.step == Step::Unplug) {
    const Outcome outcome = change(o, next.step);
    remember(o, next.step, outcome);
    // An error stays with the host's facts, where the look finds it.
    (void)ports_.effects.hostCache.refresh(o.vm.host());
    o = look(o.vnic);
    next = plan(o);
  }
  if (next.step == Step::Adopt) {
    const Outcome adopted = adopt(ports_.effects, o);
    if (!adopted) return fail(adopted.error().error);
  }
  return {};
}

Outcome VnicReconciler::change(const Observation& o, Step step) {
  Memory memory = recall(*o.vnic);
  memory.claimGivenBack = false;
  memorize(*o.vnic, memory);
  return step == Step::Plug ? plug(ports_.effects, o) : unplug(ports_.effects, o);
}

void VnicReconciler::remember(const Observation& o, Step step, const Outcome& outcome) {
  Memory memory = recall(*o.vnic);
  if (outcome) {
    memory.retry.reset();
    memorize(*o.vnic, memory);
    return;
  }
  const Failure& failure = outcome.error();
  Retry retry = memory.retry.value_or(Retry{});
  const bool news = retry.reason != failure.reason || retry.message != failure.error.message;
  Duration delay = options_.claimedRetry;
  if (!isOthersTurn(failure)) {
    ++retry.failures;
    delay = delayAfter(retry.failures, options_.firstRetry, options_.longestRetry);
    if (failure.vf) retry.failedVfs.insert(*failure.vf);
  }
  retry.notBefore = ports_.clock.now() + delay;
  retry.nextTryTime =
      formatTime(ports_.clock.wall() + std::chrono::duration_cast<WallTime::duration>(delay));
  retry.reason = failure.reason;
  retry.message = failure.error.message;
  if (news && !isOthersTurn(failure)) {
    ports_.effects.events.record({runtime::eventObject(*o.vnic), runtime::EventType::Warning,
                                  failure.reason, step == Step::Unplug ? "Detach" : "Attach",
                                  failure.error.message, std::nullopt});
  }
  memory.retry = std::move(retry);
  memorize(*o.vnic, memory);
}

// The world is another one since: the next change is the first again.
void VnicReconciler::forgetFailures(const api::Vnic& vnic) {
  Memory memory = recall(vnic);
  if (!memory.retry) return;
  memory.retry.reset();
  memorize(vnic, memory);
}

// A process that died in the middle of a change left the claim behind, and a release may have
// failed.
Status VnicReconciler::giveBackClaim(const Observation& o) {
  Memory memory = recall(*o.vnic);
  if (memory.claimGivenBack || !o.vm.found()) return {};
  auto released = ports_.effects.claims.release(claimName(o.vm.uuid()), o.vnic->metadata.uid);
  if (!released) return released;
  memory.claimGivenBack = true;
  memorize(*o.vnic, memory);
  return {};
}

Status VnicReconciler::writeStatus(const VnicPtr& vnic, const Observation& o, const Plan& next) {
  const api::VnicStatus status = buildStatus(o, next);
  if (status == vnic->status) return {};
  const auto written =
      kube::applyStatus<api::Vnic>(ports_.effects.client, vnic->metadata, toJson(status));
  if (!written && written.error().kind != ErrorKind::NotFound) return fail(written.error());
  return {};
}

// The last step of a deletion that takes the NIC along: nothing of it is left to take.
Status VnicReconciler::letGo(const VnicPtr& vnic, const Observation& o) {
  if (!vnic->metadata.deleting()) return {};
  const bool gone = o.vm.verdict == VmSearch::Verdict::NotFound ||
                    (o.vm.found() && !o.live.any() && !o.persistent.any());
  if (vnic->spec.deletionPolicy == "Detach" && !gone) return {};
  const auto current = kube::getObject<api::Vnic>(ports_.effects.client, vnic->metadata.key());
  if (!current) {
    if (current.error().kind == ErrorKind::NotFound) return {};
    return fail(current.error());
  }
  return kube::removeFinalizer(ports_.effects.client, *current);
}

VnicReconciler::Memory VnicReconciler::recall(const api::Vnic& vnic) {
  const std::lock_guard lock(mutex_);
  const auto found = memories_.find(vnic.metadata.key());
  if (found != memories_.end() && found->second.uid == vnic.metadata.uid) return found->second;
  return {vnic.metadata.uid, std::nullopt, false, {}};
}

void VnicReconciler::memorize(const api::Vnic& vnic, const Memory& memory) {
  const std::lock_guard lock(mutex_);
  memories_[vnic.metadata.key()] = memory;
}

std::vector<api::ObjectKey> vnicsConcernedBy(const std::string& host,
                                             const ObservationSources& sources) {
  const auto facts = sources.hostCache.get(host);
  std::set<std::string> names;
  if (facts) {
    for (const auto& domain : facts->domains) names.insert(domain.summary.name);
  }
  std::vector<api::ObjectKey> keys;
  for (const auto& vnic : sources.vnics.list()) {
    // Without a host it waits for a VM that any host may turn out not to have.
    if (vnic->status.host == host || vnic->status.host.empty() ||
        names.contains(vnic->spec.vmName)) {
      keys.push_back(vnic->metadata.key());
    }
  }
  return keys;
}

}  // namespace vnic::reconcile::vnic
