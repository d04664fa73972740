// SPDX-License-Identifier: Apache-2.0
// VMs that nobody described, beside ours through all that the operator does.
#include <sstream>

#include "lab/lab_test.h"
#include "lab/vnic.h"

namespace vnic::lab {
namespace {

using testing::HasSubstr;

// Everything of it that the operator could have touched.
Json lookAt(const std::string& host, const std::string& name) {
  const std::string live = liveXml(host, name);
  Json vfs = Json::array();
  for (const HostVf& vf : vfsOf(host)) {
    if (live.find(vf.mac) != std::string::npos) vfs.push_back(vf.address + " " + vf.mac);
  }
  return {
      {"live definition", live},
      {"definition", persistentXml(host, name)},
      {"QEMU process", lab({"ssh", host,
                            "pid=$(cat /run/libvirt/qemu/" + name +
                                ".pid); echo $pid $(cut -d' ' -f22 /proc/$pid/stat)"})},
      {"taint and messages", lab({"ssh", host, "virsh dominfo " + name + " | grep -v 'CPU time'"})},
      {"VFs", vfs},
      {"what the guest saw", lab({"console", name})}};
}

std::string macOf(const std::string& xml) {
  const auto at = xml.find("<mac address='");
  return at == std::string::npos ? "" : xml.substr(at + 14, 17);
}

using Bystanders = LabTest;

TEST_F(Bystanders, AreLeftAsTheyAre) {
  struct Bystander {
    std::string host, name;
    Json before;
  };
  std::vector<Bystander> bystanders;
  for (const std::string host : {"host1", "host2"}) {
    const std::string name = defineGuest("failover", host);
    lab({"wait-guest", name, "180"});
    ASSERT_TRUE(eventually(std::chrono::seconds(90), [&] {
      const auto history = historyIn(lab({"console", name}), macOf(liveXml(host, name)));
      return !history.empty() && history.back() == "standby+vf";
    }));
    bystanders.push_back({host, name, lookAt(host, name)});
  }

  const Guest guest = useGuest("failover");
  const std::string home = hostOf(guest);
  migrate(guest, otherHost(home));
  stack({"operator", "kill"});
  stack({"operator", "start"});
  migrate(guest, home);
  // Refused, because it has a VF that nobody described: the message says what to apply.
  const Json refused = Migration::create(bystanders[0].name, Json::object()).waitEnd();
  EXPECT_EQ(reasonOf(refused), "NicNotDescribed");
  EXPECT_THAT(condition(refused, "Ready").at("message").get<std::string>(),
              HasSubstr("kind: Vnic"));
  Migration::create(bystanders[1].name, {{"mode", "DryRun"}}).waitEnd();
  {
    const TestVnic vnic(guest.name, "blue-standby");
    vnic.waitReady();
    vnic.setState("Detached");
    vnic.waitDetached();
  }
  expectSettled(guest, home);

  for (const Bystander& bystander : bystanders) {
    SCOPED_TRACE(bystander.name);
    const Json after = lookAt(bystander.host, bystander.name);
    for (const auto& [what, before] : bystander.before.items()) {
      EXPECT_EQ(after.at(what), before) << what << " changed";
    }
    deleteGuest(bystander.name);
  }
}

TEST_F(Bystanders, DescribeHostPrintsWhatTheyNeed) {
  const std::string name = defineGuest("failover", "host1");
  const std::string mac = macOf(liveXml("host1", name));
  const std::string yaml = stack(
      {"exec", "sh", "-c",
       R"("$OPERATOR_BINARY" --namespace default describe-host "$LAB_URI_host1?pkipath=$LAB_PKI")"});
  EXPECT_THAT(yaml, HasSubstr(mac));
  // The API server takes all of it as it is.
  const auto taken = tryKubectl({"apply", "--dry-run=server", "--filename", "-"}, yaml);
  EXPECT_TRUE(taken.ok()) << taken.err << "\n" << yaml;
  deleteGuest(name);
}

}  // namespace
}  // namespace vnic::lab
