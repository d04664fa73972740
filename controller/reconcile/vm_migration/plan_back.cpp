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

// Reasons that another attempt, perhaps on another host, may overcome.
constexpr std::array<std::string_view, 6> kRetryable{"CopyFailed",      "NoFreeVf",
                                                     "ReserveTimeout",  "CompletionTimeout",
                                                     "ProgressTimeout", "TargetUnknown"};

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
  auto& failed = plan.decision->failedTargets;
  if (std::find(failed.begin(), failed.end(), plan.decision->targetHost) == failed.end()) {
    failed.push_back(plan.decision->targetHost);
  }
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
  plan.end = End{EndState::Failed, attempt.reason, attempt.message};
  if (attempt.reason == kCancelled) {
    plan.end->state = EndState::Cancelled;
  } else if (cancelWanted(*o.migration)) {  // on the way back: what began that stays in the message
    plan.end = End{EndState::Cancelled, kCancelled, "cancelled; before that: " + attempt.message};
  }
  if (!missing.empty()) {
    plan.end->message += fmt::format("; {} is missing on {}, its Vnic goes on trying", missing,
                                     o.migration->status.sourceHost);
  }
  return plan;
}

// libvirt says that the migration failed, but a target that does not answer may still finish it.
Plan watchTarget(const Observation& o) {
  Plan plan = step(o, kAttaching, kPoll);
  plan.reason = "TargetWatched";
  plan.message =
      fmt::format("{}; the VM runs on {}; waiting until {} answers that it has no second copy",
                  plan.message, o.migration->status.sourceHost, o.migration->status.targetHost);
  return plan;
}

Plan onSource(const Observation& o, bool forGood) {
  const std::chrono::seconds limit(o.migration->spec.policy.attachTimeoutSeconds);
  if (auto missing = attachMissing(o, false);
      !missing.empty() && o.now - phaseSince(o, kAttaching) <= limit) {
    Plan plan = step(o, kAttaching, kRetryAttach);
    plan.effects = std::move(missing);
    return plan;
  }
  if (!forGood) return watchTarget(o);
  Plan plan = step(o, kAttaching, Duration::zero());
  plan.effects = settle(o, false);
  return plan.effects.empty() ? concluded(o) : plan;
}

// The copy was through before the abort reached it, or somebody else moved it: the VM stays on the
// target.
Plan onTarget(const Observation& o) {
  Plan plan = step(o, kAttaching, Duration::zero());
  plan.decision = o.migration->status;
  plan.decision->attempt->direction = kForward;
  return plan;
}

// It runs nowhere; what is kept is what its definition needs to be started again.
Plan gone(const Observation& o) {
  const bool definedOnTarget = o.target.present() && !o.source.present();
  Plan plan = step(o, kAttaching, Duration::zero());
  plan.effects = settle(o, definedOnTarget);
  if (!plan.effects.empty()) return plan;
  const api::MigrationAttempt& attempt = *o.migration->status.attempt;
  const auto& status = o.migration->status;
  const std::string where = definedOnTarget      ? status.targetHost
                            : o.source.present() ? status.sourceHost
                                                 : "";
  plan.end = End{EndState::Failed, attempt.reason,
                 attempt.message + "; the VM does not run" +
                     (where.empty() ? "" : ", it is defined on " + where)};
  return plan;
}

}  // namespace

Plan planBack(const Observation& o) {
  // Only what this migration itself may have caused is undone.
  const bool copied = !o.migration->status.attempt->copyRequestedAt.empty();
  Plan plan = step(o, kMigrating, kPoll);
  switch (whereabouts(o)) {
    case Whereabouts::OnSource:
      return onSource(o, true);
    case Whereabouts::OnSourceForNow:
      return onSource(o, !copied);
    case Whereabouts::Gone:
      return gone(o);
    case Whereabouts::SourcePaused:
      if (!copied) return onSource(o, true);
      plan.effects.push_back(ResumeSource{});
      break;
    case Whereabouts::Copying:
      if (copied) {
        plan.effects.push_back(AbortCopy{});
      } else {
        plan.reason = "ForeignMigration";
        plan.message = "somebody else's migration of the VM runs";
      }
      break;
    case Whereabouts::Twice:
      if (copied) {
        plan.effects.push_back(DestroyVoidCopy{});
      } else {
        plan.reason = "RunningTwice";
        plan.message = "the VM runs on source and target; nothing is done";
      }
      break;
    case Whereabouts::OnTarget:
      // On the way back the source may run as well, and have its VFs: only it knows.
      if (!o.source.unknown()) return onTarget(o);
      [[fallthrough]];
    case Whereabouts::Undecided:
      plan.reason = "HostUnknown";
      plan.message = fmt::format("waiting for an answer: {}",
                                 o.source.unknown() ? o.source.error : o.target.error);
      break;
  }
  return plan;
}

}  // namespace vnic::reconcile::vm_migration
