// SPDX-License-Identifier: Apache-2.0
// A running operator, with the rights that deploy/components/hosts-from-nodes adds, makes VmHosts
// of a real API server's Nodes and shares their fields with others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <thread>

#include "deploy/operator_process.h"
#include "support/eventually.h"

namespace vnic::test {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr auto kPatience = std::chrono::seconds(60);

constexpr char kNode[] = R"({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node1",
  "labels": {"vnic.dev/vm-host": "true"}}})";

class HostsFromNodes : public ::testing::Test {
 protected:
  HostsFromNodes() {
    must({"apply", "-f", sourcePath("deploy/components/hosts-from-nodes/node_cluster_role.yaml")});
    must({"create", "-f", "-"}, kNode);
    kubeletReports();
  }

  void kubeletReports() {
    must({"patch", "node", "node1", "--subresource=status", "--type=merge", "-p",
          R"({"status": {"addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
              "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}]}})"});
  }
  void must(const std::vector<std::string>& arguments, std::string_view input = {}) {
    const CommandResult result = cluster_.kubectl(arguments, input);
    ASSERT_TRUE(result.ok()) << result.err;
  }
  json host() {
    const CommandResult result = cluster_.kubectl({"get", "vmh", "node1", "-o", "json"});
    return result.ok() ? json::parse(result.out) : json();
  }
  // Of the condition NodeReady.
  static std::string reason(const json& host) {
    if (!host.contains("status")) return {};
    for (const json& c : host["status"].value("conditions", json::array())) {
      if (c["type"] == "NodeReady") return c["reason"];
    }
    return {};
  }
  json await(const std::function<bool(const json&)>& wanted) {
    json last;
    const auto asWanted = [&] { return wanted(last = host()); };
    if (eventually(kPatience, asWanted, std::chrono::milliseconds(100))) return last;
    ADD_FAILURE() << "stays as it is: " << last.dump(2) << "\n" << operator_.log();
    return last;
  }
  json awaitReason(const std::string& wanted) {
    return await([&](const json& host) { return reason(host) == wanted; });
  }

  ControlPlane cluster_;
  OperatorProcess operator_{cluster_, {"--node-libvirt-uri", "qemu+tls://{internalIP}:1/system"}};
};

TEST_F(HostsFromNodes, FollowTheirNodeAndOutliveIt) {
  const json made = awaitReason("NodeReady");
  EXPECT_EQ(made["spec"]["libvirtURI"], "qemu+tls://127.0.0.1:1/system");
  EXPECT_EQ(made["spec"]["nodeName"], "node1");
  EXPECT_EQ(made["spec"]["availability"], "Enabled");

  // What the Node does not say is a person's.
  must({"patch", "vmh", "node1", "--type=merge", "-p",
        R"({"spec": {"physicalFunctions": [{"device": "enp1s0", "networks": ["*"]}]}})"});
  must({"cordon", "node1"});
  EXPECT_EQ(awaitReason("NodeCordoned")["spec"]["availability"], "NoInbound");
  must({"uncordon", "node1"});
  const json open = awaitReason("NodeReady");
  EXPECT_EQ(open["spec"]["availability"], "Enabled");
  EXPECT_EQ(open["spec"]["physicalFunctions"][0]["device"], "enp1s0");

  must({"delete", "node", "node1"});
  const json orphan = awaitReason("NodeGone");
  EXPECT_EQ(orphan["spec"]["availability"], "Enabled") << "gone is not dead";
  must({"create", "-f", "-"}, kNode);
  EXPECT_EQ(awaitReason("NodeNotReady")["spec"]["libvirtURI"], made["spec"]["libvirtURI"])
      << "it keeps its address until the kubelet reports one";
  kubeletReports();
  awaitReason("NodeReady");

  // A host of a labelled Node that is deleted comes again; without the label it stays away.
  must({"delete", "vmh", "node1"});
  await([&](const json& host) {
    return host.is_object() && host["metadata"]["uid"] != orphan["metadata"]["uid"];
  });
  must({"label", "node", "node1", "vnic.dev/vm-host-"});
  awaitReason("NodeGone");
  must({"delete", "vmh", "node1"});
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  while (std::chrono::steady_clock::now() < until) {
    ASSERT_TRUE(host().is_null());
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

// Git says Enabled: that is a person's word, which the cordon of a Node does not overrule.
TEST_F(HostsFromNodes, LeaveOthersTheirFields) {
  awaitReason("NodeReady");
  must({"apply", "--server-side", "--field-manager=flux", "-f", "-"},
       R"({"apiVersion": "vnic.dev/v1alpha1", "kind": "VmHost", "metadata": {"name": "node1"},
           "spec": {"availability": "Enabled"}})");
  must({"cordon", "node1"});
  EXPECT_EQ(awaitReason("AvailabilityKept")["spec"]["availability"], "Enabled");
  must({"apply", "--server-side", "--field-manager=flux", "-f", "-"},
       R"({"apiVersion": "vnic.dev/v1alpha1", "kind": "VmHost", "metadata": {"name": "node1"},
           "spec": {"availability": "OutOfService"}})");
  must({"uncordon", "node1"});
  EXPECT_EQ(awaitReason("NodeReady")["spec"]["availability"], "OutOfService");
}

}  // namespace
}  // namespace vnic::test
