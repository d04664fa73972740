// SPDX-License-Identifier: Apache-2.0
// A node agent writes about its own host, and about nothing else: rights and admission policy.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "conformance/crd/shared_control_plane.h"
#include "support/eventually.h"

namespace vnic::test {
namespace {

using testing::HasSubstr;
using Arguments = std::vector<std::string>;

// Who asks: an agent on a host that is no Node, or the DaemonSet's Pod on a Node.
struct Agent {
  const char* name;
  Arguments impersonation;
};

const Agent kByUser{"ByUser", {"--as=vnic.dev:agent:mine", "--as-group=vnic.dev:agents"}};
const Agent kByNode{"ByNode",
                    {"--as=system:serviceaccount:vnic-agent-system:vnic-agent",
                     "--as-user-extra=authentication.kubernetes.io/node-name=mine"}};

class AgentPolicyAlone : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const CommandResult made = sharedControlPlane().kubectl({"apply", "-f", "-"}, R"(
apiVersion: vnic.dev/v1alpha1
kind: VmHost
metadata: {name: mine}
spec: {libvirtURI: qemu+tls://mine/system}
---
apiVersion: vnic.dev/v1alpha1
kind: VmHost
metadata: {name: theirs}
spec: {libvirtURI: qemu+tls://theirs/system}
---
apiVersion: vnic.dev/v1alpha1
kind: VfReservation
metadata: {name: mine.0000-01-10.0}
spec:
  {hostName: mine, address: "0000:01:10.0", purpose: InUse, holder: {namespace: a, name: b, uid: c},
   device: {macAddress: "52:54:00:00:00:01"}}
---
apiVersion: vnic.dev/v1alpha1
kind: VfReservation
metadata: {name: theirs.0000-01-10.0}
spec:
  {hostName: theirs, address: "0000:01:10.0", purpose: InUse, holder: {namespace: a, name: b, uid: c},
   device: {macAddress: "52:54:00:00:00:02"}}
)");
    ASSERT_TRUE(made.ok()) << made.err;
    // The API server takes a moment to obey a new policy.
    const auto obeyed = [&] { return !write(kByUser, "VmHost", "theirs", true).ok(); };
    ASSERT_TRUE(eventually(std::chrono::seconds(60), obeyed, std::chrono::milliseconds(200)))
        << "the policy is not obeyed";
  }

  static CommandResult ask(const Agent& agent, Arguments arguments, const std::string& input = {}) {
    arguments.insert(arguments.end(), agent.impersonation.begin(), agent.impersonation.end());
    return sharedControlPlane().kubectl(arguments, input);
  }
  // By server-side apply, as the agent writes.
  static CommandResult write(const Agent& agent, const std::string& kind, const std::string& name,
                             bool status) {
    const bool lease = kind == "Lease";
    std::string object = std::string("apiVersion: ") +
                         (lease ? "coordination.k8s.io/v1" : "vnic.dev/v1alpha1") +
                         "\nkind: " + kind + "\nmetadata: {name: " + name +
                         (lease ? ", namespace: vnic-operator-system" : "") + "}\n";
    if (lease) object += "spec: {holderIdentity: a, leaseDurationSeconds: 40}\n";
    if (kind == "VmHost") object += "status: {agent: {version: '1'}}\n";
    if (kind == "VfReservation") object += "status: {observedGeneration: 1}\n";
    Arguments arguments{"apply", "--server-side", "--field-manager=vnic-agent", "-f", "-"};
    if (status) arguments.push_back("--subresource=status");
    return ask(agent, arguments, object);
  }
};

class AgentPolicy : public AgentPolicyAlone, public testing::WithParamInterface<Agent> {};

TEST_P(AgentPolicy, ItsOwnHostIsItsBusiness) {
  for (const CommandResult& result : {write(GetParam(), "VmHost", "mine", true),
                                      write(GetParam(), "VfReservation", "mine.0000-01-10.0", true),
                                      write(GetParam(), "Lease", "vnic-agent-mine", false)}) {
    EXPECT_TRUE(result.ok()) << result.err;
  }
  EXPECT_TRUE(ask(GetParam(), {"get", "vfreservations,vmhosts"}).ok());
}

TEST_P(AgentPolicy, OtherHostsAreNot) {
  for (const CommandResult& result :
       {write(GetParam(), "VmHost", "theirs", true),
        write(GetParam(), "VfReservation", "theirs.0000-01-10.0", true),
        write(GetParam(), "Lease", "vnic-agent-theirs", false),
        write(GetParam(), "Lease", "vnic-operator", false)}) {
    EXPECT_FALSE(result.ok());
    EXPECT_THAT(result.err, HasSubstr("agent of mine"));
  }
}

TEST_P(AgentPolicy, NorIsAnythingElse) {
  for (const Arguments& action : std::vector<Arguments>{
           {"patch", "vfreservations.vnic.dev"},
           {"delete", "vfreservations.vnic.dev"},
           {"create", "vfreservations.vnic.dev"},
           {"patch", "vmhosts.vnic.dev"},
           {"get", "vnics.vnic.dev", "-n", "default"},
           {"get", "leases.coordination.k8s.io", "-n", "vnic-operator-system"},
           {"delete", "leases.coordination.k8s.io", "-n", "vnic-operator-system"},
           {"get", "secrets", "-n", "vnic-agent-system"}}) {
    Arguments question{"auth", "can-i", "--quiet"};
    question.insert(question.end(), action.begin(), action.end());
    EXPECT_FALSE(ask(GetParam(), question).ok()) << testing::PrintToString(action);
  }
}

INSTANTIATE_TEST_SUITE_P(Agents, AgentPolicy, testing::Values(kByUser, kByNode),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_F(AgentPolicyAlone, ATokenOfNoNodeWritesNothing) {
  const CommandResult result =
      sharedControlPlane().kubectl({"apply", "--server-side", "--field-manager=vnic-agent", "-f",
                                    "-", "--as=system:serviceaccount:vnic-agent-system:vnic-agent"},
                                   R"(
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: vnic-agent-mine, namespace: vnic-operator-system}
spec: {holderIdentity: a}
)");
  EXPECT_FALSE(result.ok());
  EXPECT_THAT(result.err, HasSubstr("names no Node"));
}

}  // namespace
}  // namespace vnic::test
