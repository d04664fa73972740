// SPDX-License-Identifier: Apache-2.0
// What must hold before any device is touched: small named checks, all of them evaluated, so that a
// person reads every reason at once. The dry run and the real run use the same code.
#pragma once

#include <string>
#include <vector>

#include "reconcile/vm_migration/observation.h"

namespace vnic::reconcile::vm_migration {

// As many migrations run as may.
inline constexpr char kTooManyMigrations[] = "TooManyMigrations";

struct Violation {
  std::string reason;    // CamelCase
  std::string message;   // one sentence: what, and what to do
  bool passing = false;  // may go away by itself: wait instead of refusing
};

// What is legal, and may surprise; it refuses nothing.
struct Warning {
  std::string reason;
  std::string message;
};

struct VmVerdict {
  std::vector<Violation> violations;
  std::vector<Warning> warnings;
};

struct HostVerdict {
  const Candidate* candidate = nullptr;
  std::vector<Violation> violations;
  std::vector<Warning> warnings;
  std::vector<PciAddress> vfs;  // for each of the observation's NICs, when they all found one
  int vfsWithoutLink = 0;       // of them
};

struct PreflightResult {
  VmVerdict vm;                    // against moving this VM at all
  std::vector<HostVerdict> hosts;  // in the order of the candidates
  const Candidate* chosen = nullptr;

  bool fits() const { return vm.violations.empty() && chosen != nullptr; }
  // Refused for good: no waiting changes it (as far as we know).
  bool refused() const;
  // With the plan of every device for hosts that fit.
  api::PreflightReport report(const Observation& observation) const;
  std::string summary() const;      // all reasons in one line
  std::string firstReason() const;  // for a condition's reason
};

// `source` is where the VM runs now.
PreflightResult preflight(const Observation& observation, const Sighting& source);

}  // namespace vnic::reconcile::vm_migration
