// SPDX-License-Identifier: Apache-2.0
#include "runtime/agent_lease.h"

#include "api/names.h"
#include "kube/typed.h"
#include "runtime/lease.h"
#include "support/time_format.h"

namespace vnic::runtime {
namespace {

Status apply(kube::Client& client, const std::string& ns, const std::string& host,
             const nlohmann::json& spec) {
  nlohmann::json body = kube::objectFrame(Lease::resource, {ns, agentLeaseName(host)});
  body["spec"] = spec;
  const auto answer = client.apply(Lease::resource, body, {api::kAgentFieldManager, true, ""});
  if (!answer) return fail(answer.error());
  return {};
}

}  // namespace

std::string agentLeaseName(const std::string& host) {
  return "vnic-agent-" + host;
}

Status renewAgentLease(kube::Client& client, const std::string& ns, const std::string& host,
                       const std::string& holder, WallTime now) {
  return apply(client, ns, host,
               {{"holderIdentity", holder},
                {"leaseDurationSeconds", kAgentLeaseDuration.count()},
                {"renewTime", formatMicroTime(now)}});
}

// Holder and time are withdrawn.
Status endAgentLease(kube::Client& client, const std::string& ns, const std::string& host) {
  return apply(client, ns, host, {{"leaseDurationSeconds", kAgentLeaseDuration.count()}});
}

bool AgentLeases::alive(const std::string& host) const {
  const auto lease = kube::getObject<Lease>(client_, {ns_, agentLeaseName(host)});
  if (!lease || lease->spec.holder.empty()) return false;
  const auto renewed = parseTime(lease->spec.renewTime);
  return renewed && now() - *renewed < std::chrono::seconds(lease->spec.durationSeconds);
}

}  // namespace vnic::runtime
