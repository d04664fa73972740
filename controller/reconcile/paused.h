// SPDX-License-Identifier: Apache-2.0
// The annotation vnic.dev/paused: an object that carries it is reconciled no further, and says so.
#pragma once

#include "api/condition.h"
#include "api/names.h"
#include "kube/typed.h"
#include "support/clock.h"

namespace vnic::reconcile {

inline bool isPaused(const api::ObjectMeta& metadata) {
  const auto found = metadata.annotations.find(api::kPausedAnnotation);
  return found != metadata.annotations.end() && found->second == "true";
}

// Sets Ready=Unknown, once; the rest of the status stays as it was.
template <class T>
Status tellPaused(kube::Client& client, const T& object, WallTime now) {
  auto status = object.status;
  const auto generation = object.metadata.generation;
  status.observedGeneration = generation;
  api::setCondition(status.conditions,
                    {api::condition::kReady, api::ConditionStatus::Unknown, generation, "",
                     "Paused", "The annotation vnic.dev/paused is set: nothing is done or checked"},
                    now);
  if (status == object.status) return {};
  const auto written = kube::applyStatus<T>(client, object.metadata, toJson(status));
  if (!written && written.error().kind != ErrorKind::NotFound) return fail(written.error());
  return {};
}

}  // namespace vnic::reconcile
