// SPDX-License-Identifier: Apache-2.0
#include "domain/vnic_manifest.h"

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

namespace vnic::domain {
namespace {

// A YAML reader that is not ours must get back what was put in, whatever a VM is called.
TEST(VnicManifest, BothFormsSayTheSameToAYamlReader) {
  for (const char* vm : {"db-1", "DB 1", "true", "007", "1.5", "a: b", "x'y\"z", "{evil}", "# no",
                         "\xc3\xbc\xe2\x82\xac", "- a", "null", "a/b", "*x", "&y"}) {
    SCOPED_TRACE(vm);
    const VnicManifest vnic{"team-a", vm, "52:54:00:cc:00:01", "blue"};
    for (const std::string& text : {toYaml(vnic), toYamlLine(vnic)}) {
      const YAML::Node node = YAML::Load(text);
      EXPECT_EQ(node["apiVersion"].as<std::string>(), "vnic.dev/v1alpha1");
      EXPECT_EQ(node["kind"].as<std::string>(), "Vnic");
      EXPECT_EQ(node["metadata"]["namespace"].as<std::string>(), "team-a");
      EXPECT_EQ(node["metadata"]["name"].as<std::string>(), vnicName(vm, vnic.mac));
      EXPECT_EQ(node["spec"]["vmName"].as<std::string>(), vm);
      EXPECT_EQ(node["spec"]["profile"]["name"].as<std::string>(), "blue");
      EXPECT_EQ(node["spec"]["macAddress"].as<std::string>(), vnic.mac);
      EXPECT_EQ(text.find("true\n"), std::string::npos)
          << "a reader takes a bare one for a boolean";
    }
  }
}

TEST(VnicManifest, ItsNameIsOneThatKubernetesTakes) {
  EXPECT_EQ(vnicName("db-1", "52:54:00:cc:00:01"), "db-1-cc0001");
  EXPECT_EQ(vnicName("DB_1", "52:54:00:cc:00:01"), "db-1-cc0001");
  EXPECT_EQ(vnicName("--x--", "52:54:00:cc:00:01"), "x-cc0001");
  EXPECT_EQ(vnicName("\xc3\xbc", "52:54:00:cc:00:01"), "vm-cc0001");
  EXPECT_LE(vnicName(std::string(253, 'a'), "52:54:00:cc:00:01").size(), 63u);
}

TEST(VnicManifest, WithoutNamespaceItHasNone) {
  EXPECT_FALSE(
      YAML::Load(toYaml({"", "db", "52:54:00:cc:00:01", "blue"}))["metadata"]["namespace"]);
}

}  // namespace
}  // namespace vnic::domain
