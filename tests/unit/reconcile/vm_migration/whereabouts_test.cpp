// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "reconcile/vm_migration/plan.h"

namespace vnic::reconcile::vm_migration {
namespace {

using hypervisor::DomainState;
using hypervisor::PausedReason;

Copy absent() {
  Copy copy;
  copy.answer = Copy::Answer::Absent;
  return copy;
}

Copy unknown() {
  return {};
}

Copy present(DomainState state, PausedReason reason = PausedReason::None) {
  Copy copy;
  copy.answer = Copy::Answer::Present;
  copy.domain.state = state;
  copy.domain.pausedReason = reason;
  return copy;
}

Copy running() {
  return present(DomainState::Running);
}
Copy shutOff() {
  return present(DomainState::ShutOff);
}
Copy pausedByMigration() {
  return present(DomainState::Paused, PausedReason::Migration);
}
Copy pausedByPerson() {
  return present(DomainState::Paused, PausedReason::Other);
}

enum class Job { None, Active, Unknown };

struct Case {
  const char* name;
  Copy source;
  Copy target;
  Job job;
  bool calling;
  Whereabouts expected;
};

TEST(Whereabouts, IsDecidedByWhatBothHostsSay) {
  const Case cases[] = {
      {"before", running(), absent(), Job::None, false, Whereabouts::OnSource},
      {"an old definition is left on the target", running(), shutOff(), Job::None, false,
       Whereabouts::OnSource},
      {"our call is under way", running(), absent(), Job::None, true, Whereabouts::Copying},
      {"a job that a former process started", running(), pausedByMigration(), Job::Active, false,
       Whereabouts::Copying},
      {"the switch-over", pausedByMigration(), running(), Job::Active, true, Whereabouts::Copying},
      {"arrived", absent(), running(), Job::Unknown, false, Whereabouts::OnTarget},
      {"arrived, a definition is left on the source", shutOff(), running(), Job::Unknown, false,
       Whereabouts::OnTarget},
      {"arrived, the source does not answer", unknown(), running(), Job::Unknown, false,
       Whereabouts::OnTarget},
      {"failed, the target is still tidying up", running(), pausedByMigration(), Job::None, false,
       Whereabouts::OnSourceForNow},
      {"failed, the target does not answer: it may still start the VM", running(), unknown(),
       Job::None, false, Whereabouts::OnSourceForNow},
      {"the source does not answer", unknown(), absent(), Job::Unknown, false,
       Whereabouts::Undecided},
      {"the source runs, but says nothing of its job", running(), absent(), Job::Unknown, false,
       Whereabouts::Undecided},
      {"left paused by a broken switch-over", pausedByMigration(), absent(), Job::None, false,
       Whereabouts::SourcePaused},
      {"left paused, but the target does not answer", pausedByMigration(), unknown(), Job::None,
       false, Whereabouts::Undecided},
      {"paused by a person", pausedByPerson(), absent(), Job::None, false, Whereabouts::OnSource},
      {"split brain", running(), running(), Job::None, false, Whereabouts::Twice},
      {"crashed", shutOff(), absent(), Job::Unknown, false, Whereabouts::Gone},
      {"nowhere", absent(), absent(), Job::Unknown, false, Whereabouts::Gone},
  };
  for (const Case& c : cases) {
    Observation o;
    o.source = c.source;
    o.target = c.target;
    if (c.job != Job::Unknown) {
      o.job = hypervisor::JobProgress{};
      o.job->active = c.job == Job::Active;
    }
    o.outcome = hypervisor::MigrationOutcome{c.calling, std::nullopt};
    EXPECT_EQ(whereabouts(o), c.expected) << c.name;
  }
}

}  // namespace
}  // namespace vnic::reconcile::vm_migration
