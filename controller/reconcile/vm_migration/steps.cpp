// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vm_migration/steps.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "api/names.h"
#include "domain/matching.h"
#include "reconcile/vm_migration/phases.h"
#include "support/time_format.h"

namespace vnic::reconcile::vm_migration {

bool cancelWanted(const api::VmMigration& migration) {
  return migration.spec.cancel || migration.metadata.deleting();
}

WallTime phaseSince(const Observation& o, const char* phase) {
  const auto& stamps = o.migration->status.phaseTimestamps;
  if (stamps.empty() || stamps.back().phase != phase) return o.now;
  return parseTime(stamps.back().startedAt).value_or(o.now);
}

Plan turnBack(const Observation& o, const char* phase, std::string reason, std::string message) {
  Plan plan;
  plan.phase = phase;
  plan.decision = o.migration->status;
  plan.decision->attempt->direction = kBack;
  plan.decision->attempt->reason = reason;
  plan.decision->attempt->message = message;
  plan.reason = std::move(reason);
  plan.message = std::move(message);
  plan.requeueAfter = Duration::zero();
  return plan;
}

namespace {

// What the node agent says of the reservation as it is now; nullptr = nothing yet.
const api::Condition* pinnedCondition(const Nic& nic) {
  if (!nic.source) return nullptr;
  const auto* pinned =
      api::findCondition(nic.source->status.conditions, api::condition::kStandbyPinned);
  const bool current =
      pinned != nullptr && pinned->observedGeneration == nic.source->metadata.generation;
  return current ? pinned : nullptr;
}

// A VF that may serve the NIC instead of those that were refused.
std::optional<PciAddress> anotherVf(const Observation& o, const Nic& nic, bool onTarget) {
  const auto& inventory = onTarget ? o.targetInventory : o.sourceInventory;
  if (!nic.profile || !inventory) return std::nullopt;
  auto supplies = domain::freeSupply(*inventory);
  const auto& status = o.migration->status;
  const std::string& host = onTarget ? status.targetHost : status.sourceHost;
  for (auto& supply : supplies) {
    std::erase_if(supply.free, [&](const PciAddress& vf) {
      return nic.memory.refusedVfs.contains(api::VfReservation::nameFor(host, vf.str()));
    });
  }
  return domain::matchVfs({nic.profile->spec.network}, supplies).front();
}

bool definitionDiffers(const Observation& o, bool onTarget) {
  const Copy& copy = onTarget ? o.target : o.source;
  // The Vnic goes on with it where the migration cannot wait any longer.
  const std::chrono::seconds limit(o.migration->spec.policy.attachTimeoutSeconds);
  if (!copy.persistent || o.now - phaseSince(o, kAttaching) > limit) return false;
  return std::any_of(o.nics.begin(), o.nics.end(), [&](const Nic& nic) {
    const auto& vf = onTarget ? nic.onTarget : nic.onSource;
    const auto* defined = domain::findNic(*copy.persistent, nic.device);
    return vf && defined != nullptr && defined->source != *vf;
  });
}

}  // namespace

bool awaitsPin(const Nic& nic) {
  return nic.onSource && nic.source && nic.source->spec.purpose == api::purpose::kReturn &&
         !nic.device.standbyAlias.empty() && pinnedCondition(nic) == nullptr;
}

std::string whyNotPinned(const Observation& o, const Nic& nic) {
  if (nic.device.standbyAlias.empty()) return {};
  const api::Condition* pinned = pinnedCondition(nic);
  if (pinned == nullptr) {
    return fmt::format(
        "{} on {}",
        o.sourceAgentAlive ? "no answer in time from the node agent" : "no node agent is alive",
        o.migration->status.sourceHost);
  }
  return pinned->status == api::ConditionStatus::True ? std::string() : pinned->message;
}

std::vector<Effect> attachMissing(const Observation& o, bool onTarget) {
  const auto& status = o.migration->status;
  std::vector<Effect> effects;
  for (std::size_t i = 0; i < o.nics.size(); ++i) {
    const Nic& nic = o.nics[i];
    if (onTarget ? nic.onTarget : nic.onSource) continue;
    const auto& reservation = onTarget ? nic.target : nic.source;
    const bool refused = !reservation || nic.memory.refusedVfs.contains(reservation->metadata.name);
    if (refused) {
      if (const auto other = anotherVf(o, nic, onTarget); other && nic.vnic) {
        effects.push_back(ReserveOther{i, onTarget, *other});
        continue;
      }
    }
    if (!reservation) continue;
    if (const auto vf = PciAddress::parse(reservation->spec.address)) {
      effects.push_back(Attach{i, onTarget ? status.targetHost : status.sourceHost, *vf});
    }
  }
  return effects;
}

std::string missingNics(const Observation& o, bool onTarget) {
  std::string names;
  for (const Nic& nic : o.nics) {
    if (onTarget ? nic.onTarget : nic.onSource) continue;
    names += (names.empty() ? "" : ", ") + nic.mac;
  }
  return names;
}

std::vector<Effect> settle(const Observation& o, bool onTarget) {
  const auto& status = o.migration->status;
  std::vector<Effect> effects;
  // First, because the reservation of a VF that a definition names must not go before it.
  if (definitionDiffers(o, onTarget)) effects.push_back(FollowVfs{onTarget});
  for (const Nic& nic : o.nics) {
    const auto& kept = onTarget ? nic.target : nic.source;
    const auto& left = onTarget ? nic.source : nic.target;
    if (kept && kept->spec.purpose != api::purpose::kInUse) {
      effects.push_back(Settle{kept, api::purpose::kInUse});
    }
    if (left) effects.push_back(Settle{left, api::purpose::kReleasing});
    for (const auto& other : nic.others) {
      effects.push_back(Settle{other, api::purpose::kReleasing});
    }
  }
  const Copy& copy = onTarget ? o.target : o.source;
  if (status.attempt->restoreAutostart && copy.present() && !copy.domain.autostart) {
    effects.push_back(SetAutostart{onTarget ? status.targetHost : status.sourceHost, true});
  }
  return effects;
}

}  // namespace vnic::reconcile::vm_migration
