// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vm_migration/preflight.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <tuple>

#include "reconcile/vm_migration/preflight_checks.h"

namespace vnic::reconcile::vm_migration {
namespace {

// Most free VFs first, then the least busy, then by name so that the choice is the same each time.
const Candidate* choose(const std::vector<HostVerdict>& verdicts) {
  const Candidate* best = nullptr;
  const auto rank = [](const Candidate& c) {
    return std::make_tuple(-c.inventory.totals.free, c.inbound, c.name());
  };
  for (const HostVerdict& v : verdicts) {
    if (!v.violations.empty()) continue;
    if (best == nullptr || rank(*v.candidate) < rank(*best)) best = v.candidate;
  }
  return best;
}

std::string text(const Violation& v) {
  return v.reason + ": " + v.message;
}

}  // namespace

PreflightResult preflight(const Observation& o, const Sighting& source) {
  PreflightResult result;
  result.vm = checkVm(o, source);
  const std::string& wanted = o.migration->spec.targetHostName;
  for (const Candidate& c : o.candidates) {
    if (c.name() == source.host || (!wanted.empty() && c.name() != wanted)) continue;
    result.hosts.push_back(checkHost(o, source, c));
  }
  result.chosen = choose(result.hosts);
  return result;
}

bool PreflightResult::refused() const {
  const auto forGood = [](const Violation& v) { return !v.passing; };
  if (std::any_of(vm.begin(), vm.end(), forGood)) return true;
  if (chosen != nullptr) return false;
  return std::all_of(hosts.begin(), hosts.end(), [&](const HostVerdict& h) {
    return std::any_of(h.violations.begin(), h.violations.end(), forGood);
  });
}

api::PreflightReport PreflightResult::report() const {
  api::PreflightReport out;
  for (const Violation& v : vm) out.reasons.push_back(text(v));
  for (const HostVerdict& h : hosts) {
    api::HostPreflight host{h.candidate->name(), h.violations.empty(), {}};
    for (const Violation& v : h.violations) host.reasons.push_back(text(v));
    out.hosts.push_back(std::move(host));
  }
  return out;
}

std::string PreflightResult::summary() const {
  std::vector<std::string> parts;
  for (const Violation& v : vm) parts.push_back(text(v));
  for (const HostVerdict& h : hosts) {
    for (const Violation& v : h.violations) {
      parts.push_back(fmt::format("{}: {}", h.candidate->name(), text(v)));
    }
  }
  if (parts.empty() && hosts.empty()) return "NoCandidate: there is no other VmHost";
  return fmt::format("{}", fmt::join(parts, "; "));
}

std::string PreflightResult::firstReason() const {
  if (!vm.empty()) return vm.front().reason;
  for (const HostVerdict& h : hosts) {
    if (!h.violations.empty()) return h.violations.front().reason;
  }
  return "NoCandidate";
}

}  // namespace vnic::reconcile::vm_migration
