// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>

#include "reconcile/vm_migration/phases.h"
#include "reconcile/vm_migration/steps.h"

namespace vnic::reconcile::vm_migration {
namespace {

using namespace std::chrono_literals;

constexpr Duration kPoll = 1s;
constexpr Duration kRetryAttach = 2s;

// Reasons that another attempt, perhaps on another host, may overcome.
constexpr std::array<std::string_view, 5> kRetryable{"CopyFailed", "NoFreeVf", "ReserveTimeout",
                                                     "CompletionTimeout", "ProgressTimeout"};

Plan step(const Observation& o, const char* phase, Duration again) {
  Plan plan;
  plan.phase = phase;
  plan.reason = o.migration->status.attempt->reason;
  plan.message = o.migration->status.attempt->message;
  plan.requeueAfter = again;
  return plan;
}

bool tryAgain(const Observation& o) {
  const auto& status = o.migration->status;
  const std::string& reason = status.attempt->reason;
  return !cancelWanted(*o.migration) && status.attempts < o.migration->spec.policy.maxAttempts &&
         std::find(kRetryable.begin(), kRetryable.end(), reason) != kRetryable.end();
}

Plan anotherAttempt(const Observation& o) {
  Plan plan = step(o, kPending, Duration::zero());
  plan.decision = o.migration->status;
  plan.decision->attempt.reset();
  plan.decision->targetHost.clear();
  plan.decision->nics.clear();
  return plan;
}

Plan concluded(const Observation& o) {
  const api::MigrationAttempt& attempt = *o.migration->status.attempt;
  const std::string missing = missingNics(o, false);
  if (missing.empty() && tryAgain(o)) return anotherAttempt(o);
  Plan plan = step(o, kAttaching, Duration::zero());
  plan.end = End{attempt.reason == "Cancelled" ? EndState::Cancelled : EndState::Failed,
                 attempt.reason, attempt.message};
  if (!missing.empty()) {
    plan.end->message += fmt::format("; {} is missing on {}, its Vnic goes on trying", missing,
                                     o.migration->status.sourceHost);
  }
  return plan;
}

Plan onSource(const Observation& o) {
  const std::chrono::seconds limit(o.migration->spec.policy.attachTimeoutSeconds);
  if (auto missing = attachMissing(o, false);
      !missing.empty() && o.now - phaseSince(o, kAttaching) <= limit) {
    Plan plan = step(o, kAttaching, kRetryAttach);
    plan.effects = std::move(missing);
    return plan;
  }
  Plan plan = step(o, kAttaching, Duration::zero());
  plan.effects = settle(o, false);
  return plan.effects.empty() ? concluded(o) : plan;
}

// The copy was through before the abort reached it: the VM stays on the target.
Plan onTarget(const Observation& o) {
  Plan plan = step(o, kAttaching, Duration::zero());
  plan.decision = o.migration->status;
  plan.decision->attempt->direction = kForward;
  return plan;
}

Plan gone(const Observation& o) {
  Plan plan = step(o, kAttaching, Duration::zero());
  plan.effects = settle(o, false);
  if (!plan.effects.empty()) return plan;
  const api::MigrationAttempt& attempt = *o.migration->status.attempt;
  plan.end = End{EndState::Failed, attempt.reason, attempt.message + "; the VM does not run"};
  return plan;
}

}  // namespace

Plan planBack(const Observation& o) {
  const bool copied = !o.migration->status.attempt->copyRequestedAt.empty();
  Plan plan = step(o, kMigrating, kPoll);
  switch (whereabouts(o)) {
    case Whereabouts::OnSource:
      return onSource(o);
    case Whereabouts::OnTarget:
      if (copied) return onTarget(o);
      break;
    case Whereabouts::Gone:
      return gone(o);
    case Whereabouts::Copying:
      if (copied) plan.effects.push_back(AbortCopy{});
      break;
    case Whereabouts::SourcePaused:
      if (copied) plan.effects.push_back(ResumeSource{});
      break;
    case Whereabouts::Twice:
      if (copied) plan.effects.push_back(DestroyVoidCopy{});
      break;
    case Whereabouts::Undecided:
      break;
  }
  return plan;
}

}  // namespace vnic::reconcile::vm_migration
