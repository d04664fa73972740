// SPDX-License-Identifier: Apache-2.0
// The operator and the schema of VmHost let the same URIs through.
#include "hypervisor/libvirt/connect_uri.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <regex>

#include "support/source_tree.h"

namespace vnic::hypervisor {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

// The patterns of CEL's self.matches('...') for a field of the CRD's spec.
std::vector<std::regex> patternsOf(const char* field) {
  const YAML::Node crd = YAML::LoadFile(test::sourcePath("crds/vmhosts.yaml"));
  const YAML::Node rules = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
                              ["spec"]["properties"][field]["x-kubernetes-validations"];
  std::vector<std::regex> patterns;
  for (const YAML::Node& rule : rules) {
    std::string text = rule["rule"].as<std::string>();
    const auto begin = text.find("self.matches('"), end = text.rfind("')");
    if (begin == text.npos || end == text.npos) continue;
    text = text.substr(begin + 14, end - begin - 14);
    for (auto at = text.find("\\\\"); at != text.npos; at = text.find("\\\\", at + 1)) {
      text.erase(at, 1);  // CEL's escape of a backslash
    }
    patterns.emplace_back(text);
  }
  return patterns;
}

bool schemaAllows(const char* field, const std::string& uri) {
  const auto patterns = patternsOf(field);
  EXPECT_THAT(patterns, SizeIs(2)) << field;
  return std::all_of(patterns.begin(), patterns.end(),
                     [&](const std::regex& pattern) { return std::regex_search(uri, pattern); });
}

struct Case {
  const char* uri;
  bool own, peer;
};

TEST(ConnectUri, OperatorAndSchemaAgree) {
  const Case cases[] = {
      {"qemu+tls://host1/system", true, true},
      {"qemu+tls://host1.example:16514/system?pkipath=/etc/pki/a", true, true},
      {"qemu+ssh://root@host1/system?keyfile=/k&known_hosts=/h&no_tty=1", true, true},
      {"qemu+libssh2://host1/system?sshauth=privkey&", true, true},
      {"qemu+tcp://[fd00::1]:16509/system", true, true},
      {"qemu+tls://host1/system?", true, true},
      {"qemu:///system", true, false},
      {"qemu+unix:///system?socket=/run/libvirt-sock", true, false},
      {"qemu+unix://host1/system", true, false},
      {"qemu+ssh:///system", true, false},
      {"", false, false},
      {"qemu", false, false},
      {"host1", false, false},
      {"xen://host1/system", false, false},
      {"test:///default", false, false},
      {"qemu+ext://host1/system", false, false},
      {"qemux://host1/system", false, false},
      {"qemu+ssh://host1/session", false, false},
      {"qemu+ssh://host1/system/x", false, false},
      {"qemu+ssh://host1/", false, false},
      {"qemu+ssh://host1/system?command=/bin/sh", false, false},
      {"qemu+ssh://host1/system?netcat=/bin/sh", false, false},
      {"qemu+tls://host1/system?no_verify=1", false, false},
      {"qemu+ssh://host1/system?no_tty=1&command=/bin/sh", false, false},
      {"qemu+ssh://host1/system?no_tty=1;command=/bin/sh", false, false},
      {"qemu+ssh://host1/system?no_tty=1&c%6Fmmand=/bin/sh", false, false},
      {"qemu+ssh://host1/system?keyfile=a%20b", false, false},
      {"qemu+ssh://host1/system?keyfile=a?command=/bin/sh", true, true},
      {"qemu+ssh://host1/system?KEYFILE=a", false, false},
      {"qemu+ssh://host1/system?no_tty", false, false},
      {"qemu+ssh://host1/system?&no_tty=1", false, false},
      {"qemu+ssh://host1/system#x", false, false},
      {"qemu+ssh://host1 x/system", false, false},
      {"qemu+ssh://host1/system?keyfile=/a b", false, false},
      {"qemu+ssh://host1/system\n", false, false},
      {" qemu+ssh://host1/system", false, false},
      {"qemu+ssh://host1?/system", false, false},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.uri);
    EXPECT_EQ(connectUri(c.uri, "", true).has_value(), c.own);
    EXPECT_EQ(checkPeerUri(c.uri).has_value(), c.peer);
    EXPECT_EQ(schemaAllows("libvirtURI", c.uri), c.own);
    EXPECT_EQ(schemaAllows("peerURI", c.uri), c.peer);
  }
}

TEST(ConnectUri, NamesTheFieldAndWhatIsAllowed) {
  EXPECT_THAT(connectUri("qemu+ssh://host1/system?command=/bin/sh", "", false).error().message,
              AllOf(HasSubstr("spec.libvirtURI"), HasSubstr("keyfile")));
  EXPECT_THAT(checkPeerUri("qemu:///system").error().message, HasSubstr("spec.peerURI"));
}

TEST(ConnectUri, TcpIsForWhoeverAllowsIt) {
  EXPECT_FALSE(connectUri("qemu+tcp://host1/system", "", false));
  EXPECT_TRUE(connectUri("qemu+tcp://host1/system", "", true));
}

TEST(ConnectUri, TlsGetsTheOperatorsCertificatesUnlessItNamesOthers) {
  EXPECT_EQ(*connectUri("qemu+tls://host1/system", "/pki", false),
            "qemu+tls://host1/system?pkipath=/pki");
  EXPECT_EQ(*connectUri("qemu+tls://host1/system?tls_priority=NORMAL", "/pki", false),
            "qemu+tls://host1/system?tls_priority=NORMAL&pkipath=/pki");
  EXPECT_EQ(*connectUri("qemu+tls://host1/system?pkipath=/own", "/pki", false),
            "qemu+tls://host1/system?pkipath=/own");
  EXPECT_EQ(*connectUri("qemu+ssh://host1/system", "/pki", false), "qemu+ssh://host1/system");
}

}  // namespace
}  // namespace vnic::hypervisor
