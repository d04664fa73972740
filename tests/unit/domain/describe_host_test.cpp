// SPDX-License-Identifier: Apache-2.0
#include "domain/describe_host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <map>

#include "support/fake_hypervisor.h"

namespace vnic::domain {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Objects {
  std::map<std::string, YAML::Node> byKindAndName;
  explicit Objects(const std::string& yaml) {
    for (const YAML::Node& node : YAML::LoadAll(yaml)) {
      byKindAndName[node["kind"].as<std::string>() + "/" +
                    node["metadata"]["name"].as<std::string>()] = node;
    }
  }
  const YAML::Node& at(const std::string& key) const {
    static const YAML::Node kNone;
    const auto found = byKindAndName.find(key);
    if (found != byKindAndName.end()) return found->second;
    ADD_FAILURE() << "there is no " << key;
    return kNone;
  }
};

test::VmNic pair(const std::string& mac, const std::string& vf) {
  return {.mac = mac,
          .network = "tenant-blue",
          .standbyAlias = "ua-s" + vf,
          .vf = vf,
          .vfAlias = "ua-v" + vf,
          .guestAddress = "0000:03:00.0"};
}

std::string describe(test::FakeHypervisor& hypervisor) {
  hypervisor.setHost("host1", "qemu+tls://host1/system");
  return describeHost("host1", "qemu+tls://host1/system", "vnic-system",
                      hypervisor.snapshot("host1").value());
}

TEST(DescribeHost, DescribesEveryNicWithAVfAndWhatItNeeds) {
  test::FakeHypervisor hypervisor;
  hypervisor.addHost("host1");
  hypervisor.addVm("host1", {.name = "db",
                             .uuid = "u1",
                             .vnicNamespace = "team-a",
                             .nics = {pair("52:54:00:cc:00:01", "0000:01:10.0")}});
  hypervisor.addVm(
      "host1",
      {.name = "web",
       .uuid = "u2",
       .nics = {pair("52:54:00:cc:00:02", "0000:01:10.2"),
                {.mac = "52:54:00:cc:00:03",
                 .vf = "0000:01:10.4",
                 .vfAlias = "ua-x",
                 .guestAddress = "0000:05:00.0"},
                {.mac = "52:54:00:cc:00:04", .network = "tenant-blue", .standbyAlias = "net3"}}});
  const Objects objects(describe(hypervisor));
  EXPECT_EQ(objects.byKindAndName.size(), 7u) << "host, 3 profiles, 3 Vnics; none for virtio";
  const YAML::Node host = objects.at("VmHost/host1");
  EXPECT_EQ(host["spec"]["libvirtURI"].as<std::string>(), "qemu+tls://host1/system");
  EXPECT_EQ(host["spec"]["physicalFunctions"][0]["device"].as<std::string>(), "enp1s0");
  EXPECT_EQ(host["spec"]["physicalFunctions"][0]["networks"][0].as<std::string>(), "tenant-blue");
  const YAML::Node profile = objects.at("VnicProfile/tenant-blue");
  EXPECT_TRUE(profile["spec"]["passthrough"].as<bool>());
  EXPECT_EQ(profile["spec"]["failover"]["name"].as<std::string>(), "tenant-blue-standby");
  EXPECT_FALSE(objects.at("VnicProfile/tenant-blue-standby")["spec"]["passthrough"].as<bool>());
  EXPECT_FALSE(objects.at("VnicProfile/tenant-blue-plain")["spec"]["failover"]);
  const YAML::Node vnic = objects.at("Vnic/db-cc0001");
  EXPECT_EQ(vnic["metadata"]["namespace"].as<std::string>(), "team-a");
  EXPECT_EQ(vnic["spec"]["profile"]["name"].as<std::string>(), "tenant-blue");
  EXPECT_EQ(objects.at("Vnic/web-cc0002")["metadata"]["namespace"].as<std::string>(),
            "vnic-system");
  EXPECT_EQ(objects.at("Vnic/web-cc0003")["spec"]["profile"]["name"].as<std::string>(),
            "tenant-blue-plain");
}

// A host with this VM alone.
std::string describe(const test::VmShape& vm) {
  test::FakeHypervisor hypervisor;
  hypervisor.addHost("host1");
  hypervisor.addVm("host1", vm);
  return describe(hypervisor);
}

TEST(DescribeHost, SaysWhatItHadToGuess) {
  const std::string yaml = describe(test::VmShape{.name = "db",
                                                  .uuid = "u1",
                                                  .nics = {{.mac = "52:54:00:cc:00:03",
                                                            .vf = "0000:01:10.4",
                                                            .vfAlias = "ua-x",
                                                            .guestAddress = "0000:05:00.0"}}});
  EXPECT_THAT(yaml, HasSubstr("# PF enp1s0: no standby tells which network it carries"));
  EXPECT_EQ(Objects(yaml).at("Vnic/db-cc0003")["spec"]["profile"]["name"].as<std::string>(),
            "enp1s0-plain");
}

// Names come from the host; none of them may become YAML of its own.
TEST(DescribeHost, HostileNamesStayNames) {
  const std::string yaml =
      describe(test::VmShape{.name = "x\nkind: Evil",
                             .uuid = "u1",
                             .vnicNamespace = "a}]: {b",
                             .nics = {pair("52:54:00:cc:00:01", "0000:01:10.0")}});
  EXPECT_THAT(yaml, Not(HasSubstr("\nkind: Evil")));
  const Objects objects(yaml);
  const YAML::Node vnic = objects.at("Vnic/x-kind-evil-cc0001");
  EXPECT_EQ(vnic["spec"]["vmName"].as<std::string>(), "x\nkind: Evil");
  EXPECT_EQ(vnic["metadata"]["namespace"].as<std::string>(), "a}]: {b");
}

TEST(DescribeHost, AHostWithoutVfsIsOnlyAHost) {
  test::FakeHypervisor hypervisor;
  hypervisor.addHost("host1");
  EXPECT_EQ(Objects(describe(hypervisor)).byKindAndName.size(), 1u);
}

}  // namespace
}  // namespace vnic::domain
