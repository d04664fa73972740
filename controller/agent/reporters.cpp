// SPDX-License-Identifier: Apache-2.0
#include "agent/reporters.h"

#include <nlohmann/json.hpp>

#include "api/names.h"
#include "api/text.h"
#include "kube/typed.h"

namespace vnic::agent {
namespace {

constexpr std::size_t kMaxMessage = 32768;  // of a condition, as the CRD bounds it

// Gone meanwhile: nobody wants to know any more.
template <class T>
Result<reconcile::Done> written(const Result<T>& answer) {
  if (answer || answer.error().kind == ErrorKind::NotFound) return reconcile::Done{};
  return fail(answer.error());
}

}  // namespace

Result<reconcile::Done> ReservationReporter::reconcile(const api::ObjectKey& key, std::stop_token) {
  const auto reservation = reservations_.get(key);
  if (!reservation) return reconcile::Done{};
  const auto report = board_.reportOn(key.name);
  if (!report) return reconcile::Done{};
  const bool silent = report->verdicts.empty();
  // With nothing to say we own nothing: what we said before is withdrawn.
  if (silent && reservation->status.conditions.empty()) return reconcile::Done{};
  api::VfReservationStatus status;
  status.observedGeneration = report->generation;
  for (const Verdict& verdict : report->verdicts) {
    if (const auto* before = api::findCondition(reservation->status.conditions, verdict.type)) {
      status.conditions.push_back(*before);
    }
    api::setCondition(status.conditions,
                      {verdict.type, verdict.status, report->generation, "", verdict.reason,
                       api::bounded(verdict.message, kMaxMessage)},
                      clock_.wall());
  }
  if (status == reservation->status) return reconcile::Done{};
  const auto json = silent ? nlohmann::json::object() : toJson(status);
  return written(kube::applyStatus<api::VfReservation>(client_, reservation->metadata, json,
                                                       kube::StatusGuard::ResourceVersion,
                                                       api::kAgentFieldManager));
}

Result<reconcile::Done> HostReporter::reconcile(const api::ObjectKey& key, std::stop_token) {
  const auto host = hosts_.get(key);
  const auto facts = board_.facts();
  if (!host || !facts || host->status.agent == *facts) return reconcile::Done{};
  return written(kube::applyStatus<api::VmHost>(client_, host->metadata,
                                                {{"agent", toJson(*facts)}},
                                                kube::StatusGuard::None, api::kAgentFieldManager));
}

}  // namespace vnic::agent
