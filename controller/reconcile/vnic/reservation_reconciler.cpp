// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vnic/reservation_reconciler.h"

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "api/names.h"
#include "kube/typed.h"
#include "reconcile/vnic/reservations.h"
#include "support/time_format.h"

namespace vnic::reconcile::vnic {
namespace {

using namespace std::chrono_literals;

constexpr Duration kCacheCatchUp = 1s;
// A VF waits so long, from the deletion of its reservation on, for the node agent to clean it.
constexpr Duration kScrubLimit = 30s;
constexpr Duration kPollScrub = 1s;

// nullptr when it is not there; other errors are errors.
template <class T>
Result<std::shared_ptr<const T>> readIfThere(kube::Client& client, const api::ObjectKey& key) {
  auto object = kube::getObject<T>(client, key);
  if (object) return std::make_shared<const T>(std::move(*object));
  if (object.error().kind == ErrorKind::NotFound) return nullptr;
  return fail(object.error());
}

template <class Ptr>
Ptr withUid(Ptr object, const std::string& uid) {
  return object && object->metadata.uid == uid ? object : nullptr;
}

}  // namespace

ReservationFacts ReservationReconciler::fromCaches(const api::VfReservation& reservation) const {
  const api::VfReservationSpec& spec = reservation.spec;
  ReservationFacts facts{
      reservation, ports_.hosts.get({"", spec.hostName}), ports_.hostCache.get(spec.hostName),
      withUid(ports_.vnics.get(spec.holder.key()), spec.holder.uid), Movement::None};
  if (spec.migration) {
    const auto migration =
        withUid(ports_.migrations.get(spec.migration->key()), spec.migration->uid);
    facts.movement = migration && !migration->finished() ? Movement::Underway : Movement::Over;
  }
  return facts;
}

Result<ReservationFacts> ReservationReconciler::fromTheSource(
    const api::VfReservation& reservation) const {
  const api::VfReservationSpec& spec = reservation.spec;
  ReservationFacts facts{reservation, nullptr, nullptr, nullptr, Movement::None};
  const auto host = readIfThere<api::VmHost>(ports_.client, {"", spec.hostName});
  if (!host) return fail(host.error());
  facts.host = *host;
  const auto holder = readIfThere<api::Vnic>(ports_.client, spec.holder.key());
  if (!holder) return fail(holder.error());
  facts.holder = withUid(*holder, spec.holder.uid);
  const auto over = migrationOver(ports_.client, reservation);
  if (!over) return fail(over.error());
  if (spec.migration) facts.movement = *over ? Movement::Over : Movement::Underway;
  if (facts.host) {
    // The host last: what it says must be newer than what the API server said of holder and move.
    (void)ports_.hostCache.refresh(spec.hostName);  // an error stays with the facts
    facts.facts = ports_.hostCache.get(spec.hostName);
  }
  return facts;
}

Result<Done> ReservationReconciler::reconcile(const api::ObjectKey& key, std::stop_token) {
  const auto reservation = ports_.reservations.get(key);
  if (!reservation) return Done{};
  if (judge(fromCaches(*reservation)).fate == Fate::Keep) return Done{};
  if (ports_.leaseTimeLeft() < kLeaseMargin) return Done{kCacheCatchUp};
  const auto facts = fromTheSource(*reservation);
  if (!facts) return fail(facts.error());
  const Judgement judgement = judge(*facts);
  // The caches were behind; they bring us back when they have caught up, this is for lost events.
  if (judgement.fate == Fate::Keep) return Done{std::chrono::seconds(30)};
  if (judgement.unused && awaitsScrub(*reservation)) return Done{kPollScrub};
  if (const auto done = carryOut(*reservation, judgement); !done) return fail(done.error());
  return Done{};
}

// The last step, the end of the finalizer, gives the VF to others. What cannot be cleaned stays.
bool ReservationReconciler::awaitsScrub(const api::VfReservation& reservation) const {
  if (!reservation.metadata.deleting()) return false;
  const api::Conditions& conditions = reservation.status.conditions;
  if (api::isTrue(conditions, api::condition::kQuarantined)) return true;
  if (api::isTrue(conditions, api::condition::kScrubbed)) return false;
  const auto since = parseTime(reservation.metadata.deletionTimestamp);
  return ports_.agents != nullptr && since && ports_.agents->now() - *since < kScrubLimit &&
         ports_.agents->alive(reservation.spec.hostName);
}

// resourceVersion guards each step, so that whoever took the reservation for something else in the
// meantime wins.
Status ReservationReconciler::carryOut(const api::VfReservation& reservation,
                                       const Judgement& judgement) {
  const bool toldBefore = reservation.metadata.deleting();
  Status done;
  if (judgement.fate == Fate::Release) {
    done = startRelease(ports_.client, reservation);
  } else if (reservation.metadata.deleting()) {
    done = kube::removeFinalizer(ports_.client, reservation);
  } else {
    done = kube::removeObject(ports_.client, reservation);
  }
  if (done && !toldBefore) {
    ports_.events.record({runtime::eventObject(reservation), runtime::EventType::Normal,
                          judgement.fate == Fate::Release ? "Releasing" : "Released", "Release",
                          fmt::format("VF {} of {}: {}", reservation.spec.address,
                                      reservation.spec.hostName, judgement.why),
                          std::nullopt});
  }
  return done;
}

}  // namespace vnic::reconcile::vnic
