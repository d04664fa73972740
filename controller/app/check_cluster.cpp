// SPDX-License-Identifier: Apache-2.0
#include "app/check_cluster.h"

#include <fmt/format.h>

#include <ostream>
#include <string>
#include <vector>

#include "api/vf_reservation.h"
#include "api/vm_host.h"
#include "api/vm_migration.h"
#include "api/vnic.h"
#include "api/vnic_profile.h"
#include "hypervisor/check_host.h"
#include "kube/typed.h"
#include "runtime/leader_elector.h"
#include "runtime/lease.h"
#include "support/time_format.h"

namespace vnic::app {
namespace {

using hypervisor::CheckLevel;
using hypervisor::CheckLine;

CheckLine failure(const std::string& subject, const Error& error, const std::string& notFoundFix) {
  switch (error.kind) {
    case ErrorKind::NotFound:
      return {CheckLevel::Failure, subject, error.message, notFoundFix};
    case ErrorKind::Forbidden:
      return {CheckLevel::Failure, subject, error.message,
              "bind the operator's roles to the service account (the chart's rbac.create)"};
    default:
      return {CheckLevel::Failure, subject, error.message, "look at the API server"};
  }
}

CheckLine checkKind(kube::Client& client, const api::ResourceType& type) {
  const std::string subject(type.kind);
  kube::ListOptions one;
  one.limit = 1;
  const auto list = client.list(type, one);
  if (!list) return failure(subject, list.error(), "install the CRDs of this version");
  return {CheckLevel::Ok, subject, "is served and can be listed", ""};
}

CheckLine checkLeader(kube::Client& client, Clock& clock, const std::string& ns) {
  const std::string subject = "leader";
  const std::string fix = "look at the operator's Pods and their logs";
  const auto lease =
      kube::getObject<runtime::Lease>(client, {ns, runtime::LeaderElector::Options{}.name});
  if (!lease) return failure(subject, lease.error(), fix);
  const auto renewed = parseTime(lease->spec.renewTime);
  if (lease->spec.holder.empty() || !renewed) {
    return {CheckLevel::Failure, subject, "no operator leads", fix};
  }
  if (clock.wall() - *renewed > std::chrono::seconds(lease->spec.durationSeconds)) {
    return {CheckLevel::Failure, subject,
            fmt::format("{} led until {}, nobody has taken over", lease->spec.holder,
                        formatTime(*renewed)),
            fix};
  }
  return {CheckLevel::Ok, subject, lease->spec.holder + " leads", ""};
}

}  // namespace

int checkCluster(kube::Client& client, Clock& clock, const Options& options, std::ostream& out) {
  std::vector<CheckLine> lines;
  for (const auto& type : {api::VnicProfile::resource, api::VmHost::resource, api::Vnic::resource,
                           api::VmMigration::resource, api::VfReservation::resource}) {
    lines.push_back(checkKind(client, type));
  }
  if (options.leaderElect) lines.push_back(checkLeader(client, clock, options.ns));
  out << hypervisor::formatChecks(lines);
  return hypervisor::anyFailure(lines) ? 1 : 0;
}

}  // namespace vnic::app
