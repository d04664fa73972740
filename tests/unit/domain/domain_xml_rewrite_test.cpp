// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "domain/domain_xml.h"
#include "unit/domain/domain_xml_golden.h"

namespace vnic::domain {
namespace {

constexpr char kBlueMac[] = "52:54:00:d7:a3:78";

PciAddress pci(const char* text) {
  return *PciAddress::parse(text);
}

api::DevicePlan bluePlan() {
  return planOf(parseDomain(golden("failover-live.xml"))->passthroughNics().at(0));
}

// libvirt ends its texts with a line feed.
std::string text(const Result<std::string>& xml) {
  if (!xml) throw std::runtime_error(xml.error().message);
  return *xml + "\n";
}

TEST(VfDeviceXml, IsTheNicAsItWas) {
  EXPECT_EQ(*vfDeviceXml(bluePlan(), pci("0000:01:10.4")),
            "<interface type='hostdev' managed='yes'><mac address='52:54:00:d7:a3:78'/>"
            "<source><address type='pci' domain='0x0000' bus='0x01' slot='0x10' function='0x4'/>"
            "</source><teaming type='transient' persistent='ua-blue-standby'/>"
            "<alias name='ua-blue-vf'/>"
            "<address type='pci' domain='0x0000' bus='0x02' slot='0x00' function='0x0'/>"
            "</interface>");
}

TEST(VfDeviceXml, WithoutStandbyWithVlanAndLibvirtsAlias) {
  api::DevicePlan plan = bluePlan();
  plan.standbyAlias.clear();
  plan.alias = "hostdev0";
  plan.vlan = 120;
  plan.managed = false;
  EXPECT_EQ(*vfDeviceXml(plan, pci("0000:01:10.4")),
            "<interface type='hostdev' managed='no'><mac address='52:54:00:d7:a3:78'/>"
            "<source><address type='pci' domain='0x0000' bus='0x01' slot='0x10' function='0x4'/>"
            "</source><vlan><tag id='120'/></vlan>"
            "<address type='pci' domain='0x0000' bus='0x02' slot='0x00' function='0x0'/>"
            "</interface>");
}

TEST(VfDeviceXml, QuotesWhatAPlanBringsAlong) {
  api::DevicePlan plan = bluePlan();
  plan.alias = "ua-'/><evil/>";
  const auto domain = parseDomain("<domain><name>v</name><memory>1</memory><devices>" +
                                  *vfDeviceXml(plan, pci("0000:01:10.4")) + "</devices></domain>");
  ASSERT_TRUE(domain) << domain.error().message;
  ASSERT_EQ(domain->hostdevs.size(), 1u);
  EXPECT_EQ(domain->hostdevs[0].alias, plan.alias);
}

TEST(VfDeviceXml, RefusesAPlanThatCannotBeMeant) {
  api::DevicePlan plan = bluePlan();
  plan.macAddress = "52:54";
  EXPECT_EQ(vfDeviceXml(plan, pci("0000:01:10.4")).error().kind, ErrorKind::Invalid);
  plan = bluePlan();
  plan.guestAddress = "03:00.0";
  EXPECT_EQ(vfDeviceXml(plan, pci("0000:01:10.4")).error().kind, ErrorKind::Invalid);
}

TEST(VfDeviceXml, ReadsBackAsThePlan) {
  const std::string xml = *vfDeviceXml(bluePlan(), pci("0000:01:10.2"));
  const auto domain = parseDomain("<domain><name>v</name><memory>1</memory><devices>" + xml +
                                  "</devices></domain>");
  EXPECT_EQ(planOf(domain->hostdevs.at(0)), bluePlan());
}

TEST(DestinationXml, WithoutChangesIsTheSameText) {
  EXPECT_EQ(text(destinationXml(golden("failover-migratable-without-vf.xml"), {})),
            golden("failover-migratable-without-vf.unchanged.xml"));
}

TEST(DestinationXml, ChangesNothingButTheNetwork) {
  EXPECT_EQ(text(destinationXml(golden("failover-migratable-without-vf.xml"),
                                {{}, {{kBlueMac, "ua-blue-standby", "blue-b", ""}}})),
            golden("failover-migratable-without-vf.other-network.xml"));
}

TEST(DestinationXml, ChangesANetworkOfARunningGuestToABridge) {
  EXPECT_EQ(text(destinationXml(golden("failover-live-without-vf.xml"),
                                {{}, {{kBlueMac, "", "", "br-blue"}}})),
            golden("failover-live-without-vf.to-bridge.xml"));
}

TEST(DestinationXml, RefusesAChangeThatMeetsNoNic) {
  const std::string xml = golden("failover-migratable-without-vf.xml");
  const HostSideChanges cases[] = {
      {{{kBlueMac, "ua-blue-vf", pci("0000:01:10.0")}}, {}},       // the VF is out
      {{}, {{kBlueMac, "ua-other", "blue-b", ""}}},                // another alias
      {{}, {{"52:54:00:00:00:01", "", "blue-b", ""}}},             // another MAC
      {{}, {{kBlueMac, "ua-blue-standby", "blue-b", "br-blue"}}},  // both
      {{}, {{kBlueMac, "ua-blue-standby", "", ""}}},               // neither
  };
  for (const HostSideChanges& changes : cases) {
    const auto rewritten = destinationXml(xml, changes);
    ASSERT_FALSE(rewritten);
    EXPECT_EQ(rewritten.error().kind, ErrorKind::Invalid);
  }
}

TEST(PersistentDestinationXml, ChangesNothingButTheVf) {
  EXPECT_EQ(text(persistentDestinationXml(golden("failover-persistent.xml"),
                                          {{{kBlueMac, "ua-blue-vf", pci("0000:81:02.7")}}, {}})),
            golden("failover-persistent.on-target.xml"));
}

TEST(PersistentDestinationXml, GivesEachNicItsOwnVf) {
  EXPECT_EQ(
      text(persistentDestinationXml(golden("pair2-persistent.xml"),
                                    {{{"52:54:00:04:22:ed", "ua-green-vf", pci("0000:02:10.6")},
                                      {"52:54:00:af:fa:65", "ua-blue-vf", pci("0000:01:10.0")}},
                                     {}})),
      golden("pair2-persistent.on-target.xml"));
}

TEST(PersistentDestinationXml, ANicOfTheLiveDomainAloneIsNoError) {
  const std::string xml = golden("failover-migratable-without-vf.xml");
  EXPECT_EQ(text(persistentDestinationXml(xml, {{{kBlueMac, "", pci("0000:81:02.7")}}, {}})),
            golden("failover-migratable-without-vf.unchanged.xml"));
}

TEST(PersistentDestinationXml, RefusesToGuessBetweenTwoNics) {
  const std::string nic =
      "<interface type='hostdev'><mac address='52:54:00:d7:a3:78'/><source><address type='pci' "
      "domain='0' bus='1' slot='16' function='0'/></source></interface>";
  const auto rewritten = persistentDestinationXml(
      "<domain><name>v</name><devices>" + nic + nic + "</devices></domain>",
      {{{kBlueMac, "", pci("0000:81:02.7")}}, {}});
  ASSERT_FALSE(rewritten);
  EXPECT_EQ(rewritten.error().kind, ErrorKind::Invalid);
}

TEST(PersistentDestinationXml, KeepsWhatItDoesNotKnow) {
  const std::string xml =
      "<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n"
      "  <!-- by hand -->\n  <name>a&amp;b</name>\n  <future thing='1'/>\n"
      "  <qemu:commandline>\n    <qemu:arg value='-foo &lt;&amp;'/>\n  </qemu:commandline>\n"
      "</domain>\n";
  EXPECT_EQ(text(persistentDestinationXml(xml, {})), xml);
}

TEST(PersistentDestinationXml, ChangesAVlanOnlyWhenToldTo) {
  constexpr char kDefinition[] =
      "<domain type='kvm'><name>db</name><memory>1</memory><devices>"
      "<interface type='hostdev'><mac address='52:54:00:00:00:01'/>"
      "<source><address type='pci' domain='0x0000' bus='0x01' slot='0x10' function='0x0'/></source>"
      "<vlan><tag id='5'/></vlan></interface></devices></domain>";
  const auto vlanAfter = [&](bool changes, std::optional<int> vlan) {
    const auto text = persistentDestinationXml(
        kDefinition,
        {{{"52:54:00:00:00:01", "", *PciAddress::parse("0000:01:10.2"), changes, vlan}}, {}});
    return parseDomain(text.value()).value().hostdevs.at(0).vlan;
  };
  EXPECT_EQ(vlanAfter(false, std::nullopt), 5);
  EXPECT_EQ(vlanAfter(true, 7), 7);
  EXPECT_EQ(vlanAfter(true, std::nullopt), std::nullopt);
}

}  // namespace
}  // namespace vnic::domain
