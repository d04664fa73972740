// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vm_migration/preflight.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "reconcile/vm_migration/preflight_checks.h"

namespace vnic::reconcile::vm_migration {
namespace {

// The status of a VM with many NICs and hosts has to stay an object that the API server takes.
constexpr std::size_t kMaxDevicePlans = 1000;

// One that no attempt has failed to, whose PFs have a link, with the most free VFs, then by name so
// that the choice is the same each time. Who is on the way there may not have reserved yet: of
// many that begin at once the last ones would find nothing left.
const Candidate* choose(const std::vector<HostVerdict>& verdicts,
                        const std::vector<std::string>& failed) {
  const HostVerdict* best = nullptr;
  const auto rank = [&](const HostVerdict& v) {
    const Candidate& c = *v.candidate;
    const bool failedBefore = std::find(failed.begin(), failed.end(), c.name()) != failed.end();
    return std::make_tuple(failedBefore, v.vfsWithoutLink, c.inbound - c.inventory->totals.free,
                           c.name());
  };
  for (const HostVerdict& v : verdicts) {
    if (!v.violations.empty()) continue;
    if (best == nullptr || rank(v) < rank(*best)) best = &v;
  }
  return best == nullptr ? nullptr : best->candidate;
}

template <class Finding>
std::string text(const Finding& finding) {
  return finding.reason + ": " + finding.message;
}

template <class Finding>
std::vector<std::string> texts(const std::vector<Finding>& findings) {
  std::vector<std::string> out;
  out.reserve(findings.size());
  for (const Finding& finding : findings) out.push_back(text(finding));
  return out;
}

std::vector<api::DevicePreflight> devicePlans(const Observation& o, const HostVerdict& verdict) {
  std::vector<api::DevicePreflight> out;
  if (verdict.vfs.size() != o.nics.size()) return out;
  for (std::size_t i = 0; i < o.nics.size(); ++i) {
    const domain::PfEntry* pf = verdict.candidate->inventory->physicalFunctionOf(verdict.vfs[i]);
    api::DevicePreflight device;
    device.mac = o.nics[i].mac;
    if (o.nics[i].vnic) device.vnic = o.nics[i].vnic->metadata.name;
    if (pf != nullptr) device.physicalFunction = pf->device;
    device.virtualFunction = verdict.vfs[i].str();
    device.guestAddress = o.nics[i].device.guestAddress;
    out.push_back(std::move(device));
  }
  return out;
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
  result.chosen = choose(result.hosts, o.migration->status.failedTargets);
  return result;
}

bool PreflightResult::refused() const {
  const auto forGood = [](const Violation& v) { return !v.passing; };
  if (std::any_of(vm.violations.begin(), vm.violations.end(), forGood)) return true;
  if (chosen != nullptr) return false;
  return std::all_of(hosts.begin(), hosts.end(), [&](const HostVerdict& h) {
    return std::any_of(h.violations.begin(), h.violations.end(), forGood);
  });
}

api::PreflightReport PreflightResult::report(const Observation& o) const {
  api::PreflightReport out;
  out.reasons = texts(vm.violations);
  out.warnings = texts(vm.warnings);
  std::size_t devices = 0;
  for (const HostVerdict& h : hosts) {
    api::HostPreflight host;
    host.name = h.candidate->name();
    host.fits = h.violations.empty();
    host.reasons = texts(h.violations);
    host.warnings = texts(h.warnings);
    if (host.fits && devices < kMaxDevicePlans) host.devices = devicePlans(o, h);
    devices += host.devices.size();
    out.hosts.push_back(std::move(host));
  }
  return out;
}

std::string PreflightResult::summary() const {
  std::vector<std::string> parts;
  parts = texts(vm.violations);
  for (const HostVerdict& h : hosts) {
    for (const Violation& v : h.violations) {
      parts.push_back(fmt::format("{}: {}", h.candidate->name(), text(v)));
    }
  }
  if (parts.empty() && hosts.empty()) return "NoCandidate: there is no other VmHost";
  return fmt::format("{}", fmt::join(parts, "; "));
}

std::string PreflightResult::firstReason() const {
  if (!vm.violations.empty()) return vm.violations.front().reason;
  for (const HostVerdict& h : hosts) {
    if (!h.violations.empty()) return h.violations.front().reason;
  }
  return "NoCandidate";
}

}  // namespace vnic::reconcile::vm_migration
