// SPDX-License-Identifier: Apache-2.0
#include "domain/domain_xml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/domain/domain_xml_golden.h"

namespace vnic::domain {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

PciAddress pci(const char* text) {
  return *PciAddress::parse(text);
}

std::string minimal(const std::string& devices, const std::string& rest = "") {
  return "<domain><name>v</name><uuid>u</uuid><memory>1024</memory><os><type "
         "machine='q35'>hvm</type></os>" +
         rest + "<devices>" + devices + "</devices></domain>";
}

DomainDescription parsed(const std::string& xml) {
  const auto domain = parseDomain(xml);
  if (!domain) throw std::runtime_error(domain.error().message);
  return *domain;
}

TEST(ParseDomain, ReadsARunningGuestWithAFailoverPair) {
  const DomainDescription domain = parsed(golden("failover-live.xml"));
  EXPECT_EQ(domain.name, "hyp-1");
  EXPECT_EQ(domain.uuid, "a98b0b4b-dd91-40b7-88e6-4904b5787798");
  EXPECT_EQ(domain.vnicNamespace, "default");
  EXPECT_EQ(domain.memoryKiB, 262144);
  EXPECT_TRUE(domain.isQ35());
  EXPECT_THAT(domain.blockers, IsEmpty());

  ASSERT_EQ(domain.hostdevs.size(), 1u);
  const HostdevNic& vf = domain.hostdevs[0];
  EXPECT_TRUE(vf.isInterface);
  EXPECT_EQ(vf.mac, "52:54:00:d7:a3:78");
  EXPECT_EQ(vf.alias, "ua-blue-vf");
  EXPECT_EQ(vf.source, pci("0000:01:10.2"));
  EXPECT_EQ(vf.guestAddress, pci("0000:02:00.0"));
  EXPECT_TRUE(vf.teaming);
  EXPECT_EQ(vf.standbyAlias, "ua-blue-standby");
  EXPECT_TRUE(vf.managed);
  EXPECT_EQ(vf.vlan, std::nullopt);

  ASSERT_EQ(domain.virtualNics.size(), 1u);
  const VirtualNic& standby = domain.virtualNics[0];
  EXPECT_EQ(standby.mac, vf.mac);
  EXPECT_EQ(standby.alias, "ua-blue-standby");
  EXPECT_EQ(standby.network, "tenant-blue");
  EXPECT_EQ(standby.bridge, "br0");
  EXPECT_EQ(standby.model, "virtio");
  EXPECT_TRUE(standby.standby);
  EXPECT_FALSE(standby.linkDown);
  EXPECT_EQ(domain.standbyFor(vf), &standby);

  // Six root ports, NICs on the first two of them.
  EXPECT_THAT(domain.freeHotplugBuses, ElementsAre(3, 4, 5, 6));
  EXPECT_TRUE(domain.guestAddresses.contains(pci("0000:01:00.0")));
  EXPECT_TRUE(domain.guestAddresses.contains(pci("0000:00:1f.2")));
}

TEST(ParseDomain, ThePortOfATakenOutVfIsFree) {
  const DomainDescription domain = parsed(golden("failover-live-without-vf.xml"));
  EXPECT_THAT(domain.hostdevs, IsEmpty());
  EXPECT_THAT(domain.freeHotplugBuses, ElementsAre(2, 3, 4, 5, 6));
}

TEST(ParseDomain, ReadsTwoPairs) {
  const DomainDescription domain = parsed(golden("pair2-persistent.xml"));
  const auto nics = domain.passthroughNics();
  ASSERT_EQ(nics.size(), 2u);
  EXPECT_EQ(domain.standbyFor(nics[0])->alias, "ua-blue-standby");
  EXPECT_EQ(domain.standbyFor(nics[1])->alias, "ua-green-standby");
  EXPECT_EQ(domain.standbyFor(nics[1])->network, "tenant-green");
}

struct NamespaceCase {
  const char* metadata;
  const char* expected;
};

class VnicNamespace : public testing::TestWithParam<NamespaceCase> {};

TEST_P(VnicNamespace, IsOnlyReadFromItsOwnXmlNamespace) {
  const std::string metadata = std::string("<metadata>") + GetParam().metadata + "</metadata>";
  EXPECT_EQ(parsed(minimal("", metadata)).vnicNamespace, GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Prefixes, VnicNamespace,
    testing::Values(
        NamespaceCase{"<vnic:vm xmlns:vnic='https://vnic.dev/libvirt' namespace='a'/>", "a"},
        NamespaceCase{"<x:vm xmlns:x='https://vnic.dev/libvirt' namespace='a'/>", "a"},
        NamespaceCase{"<vm xmlns='https://vnic.dev/libvirt' namespace='a'/>", "a"},
        NamespaceCase{"<vnic:vm xmlns:vnic='https://example.com' namespace='a'/>", ""},
        NamespaceCase{"<vnic:vm namespace='a'/>", ""},
        NamespaceCase{"<vnic:other xmlns:vnic='https://vnic.dev/libvirt' namespace='a'/>", ""},
        NamespaceCase{"", ""}));

TEST(ParseDomain, ReadsAVlanAndAPlainHostdev) {
  const DomainDescription domain = parsed(
      minimal("<interface type='hostdev' managed='no'><mac address='52:54:00:AA:00:01'/><source>"
              "<address type='pci' domain='0' bus='0x3b' slot='0x02' function='1'/></source>"
              "<vlan><tag id='120'/></vlan><alias name='ua-a'/></interface>"
              "<hostdev mode='subsystem' type='pci' managed='yes'><source>"
              "<address domain='0x0000' bus='0xaf' slot='0x00' function='0x0'/></source></hostdev>"
              "<hostdev mode='subsystem' type='usb'><source><address bus='1' device='2'/></source>"
              "</hostdev>"));
  ASSERT_EQ(domain.hostdevs.size(), 2u);
  EXPECT_EQ(domain.hostdevs[0].mac, "52:54:00:aa:00:01") << "canonical";
  EXPECT_EQ(domain.hostdevs[0].vlan, 120);
  EXPECT_EQ(domain.hostdevs[0].source, pci("0000:3b:02.1"));
  EXPECT_EQ(domain.hostdevs[0].guestAddress, std::nullopt);
  EXPECT_FALSE(domain.hostdevs[0].managed);
  EXPECT_FALSE(domain.hostdevs[0].teaming);
  EXPECT_FALSE(domain.hostdevs[1].isInterface);
  EXPECT_EQ(domain.hostdevs[1].source, pci("0000:af:00.0"));
  EXPECT_EQ(domain.passthroughNics().size(), 1u);
  EXPECT_THAT(domain.blockers, ElementsAre(HasSubstr("0000:af:00.0")));
}

TEST(ParseDomain, ASlotThatIsNotHotPluggableIsNotFree) {
  const DomainDescription domain = parsed(minimal(
      "<controller type='pci' index='0' model='pcie-root'/>"
      "<controller type='pci' index='1' model='pcie-root-port'><target hotplug='off'/></controller>"
      "<controller type='pci' index='2' model='pcie-root-port'/>"
      "<controller type='pci' index='3' model='dmi-to-pci-bridge'/>"));
  EXPECT_THAT(domain.freeHotplugBuses, ElementsAre(2));
}

TEST(ParseDomain, ConvertsMemoryUnits) {
  const auto memory = [](const char* element) {
    return parsed("<domain><name>v</name>" + std::string(element) + "</domain>").memoryKiB;
  };
  EXPECT_EQ(memory("<memory unit='KiB'>5</memory>"), 5);
  EXPECT_EQ(memory("<memory>5</memory>"), 5);
  EXPECT_EQ(memory("<memory unit='MiB'>5</memory>"), 5 * 1024);
  EXPECT_EQ(memory("<memory unit='G'>2</memory>"), 2 * 1024 * 1024);
  EXPECT_EQ(memory("<memory unit='bytes'>1025</memory>"), 2) << "rounded up, as libvirt does";
}

struct BlockerCase {
  const char* name;
  const char* devices;
  const char* rest;
  const char* says;  // "" = nothing
};

class Blockers : public testing::TestWithParam<BlockerCase> {};

TEST_P(Blockers, AreNamed) {
  const auto blockers = parsed(minimal(GetParam().devices, GetParam().rest)).blockers;
  if (std::string(GetParam().says).empty()) {
    EXPECT_THAT(blockers, IsEmpty());
  } else {
    EXPECT_THAT(blockers, ElementsAre(HasSubstr(GetParam().says)));
  }
}

const char kVf[] =
    "<interface type='hostdev'><mac address='52:54:00:aa:00:01'/><source><address type='pci' "
    "domain='0' bus='1' slot='16' function='0'/></source></interface>";

INSTANTIATE_TEST_SUITE_P(
    Table, Blockers,
    testing::Values(
        BlockerCase{"vf", kVf, "", ""}, BlockerCase{"usb", "<hostdev type='usb'/>", "", ""},
        BlockerCase{"mdev", "<hostdev type='mdev'/>", "", "'mdev'"},
        BlockerCase{"vdpa", "<interface type='vdpa'><mac address='52:54:00:aa:00:01'/></interface>",
                    "", "vDPA"},
        BlockerCase{"shmem", "<shmem name='s'/>", "", "shmem"},
        BlockerCase{"shmemMaster", "<shmem name='s' role='master'/>", "", ""},
        BlockerCase{"tpm", "<tpm><backend type='passthrough'/></tpm>", "", "TPM"},
        BlockerCase{"swtpm", "<tpm><backend type='emulator'/></tpm>", "", ""},
        BlockerCase{"sev", "", "<launchSecurity type='sev'/>", "encryption"},
        BlockerCase{"cpu", "", "<cpu mode='host-passthrough' migratable='off'/>", "not migratable"},
        BlockerCase{"tsc", "", "<cpu><feature name='invtsc' policy='require'/></cpu>", "invtsc"},
        BlockerCase{"fixedTsc", "",
                    "<cpu><feature name='invtsc' policy='require'/></cpu><clock><timer name='tsc' "
                    "frequency='2000000000'/></clock>",
                    ""}),
    [](const auto& info) { return info.param.name; });

TEST(ParseDomain, TwoVfsThatNothingTellsApartBlock) {
  EXPECT_THAT(parsed(minimal(std::string(kVf) + kVf)).blockers,
              ElementsAre(HasSubstr("52:54:00:aa:00:01")));
}

TEST(ParseDomain, RefusesWhatIsNotADomain) {
  const std::string cases[] = {
      "",
      "<domain>",
      "<network><name>n</name></network>",
      "<domain><memory>1</memory></domain>",
      "<domain><name>v</name></domain>",
      "<domain><name>v</name><memory unit='parsec'>1</memory></domain>",
      minimal("<interface type='network'/>"),
      minimal("<interface type='hostdev'><mac address='52:54:00:aa:00:01'/></interface>"),
      minimal("<interface type='hostdev'><mac address='52:54:00:aa:00:01'/><source><address "
              "type='pci' domain='0' bus='1' slot='0x40' function='0'/></source></interface>"),
      "<domain>" + std::string(5 << 20, ' ') + "<name>v</name></domain>",
  };
  for (const std::string& xml : cases) {
    const auto domain = parseDomain(xml);
    ASSERT_FALSE(domain) << xml.substr(0, 200);
    EXPECT_EQ(domain.error().kind, ErrorKind::Invalid);
  }
}

TEST(FindNic, NeedsTheAliasWhenBothHaveOne) {
  const DomainDescription domain = parsed(golden("pair2-persistent.xml"));
  api::DevicePlan plan = planOf(domain.passthroughNics()[1]);
  EXPECT_EQ(findNic(domain, plan)->alias, "ua-green-vf");
  plan.alias = "ua-other";
  EXPECT_EQ(findNic(domain, plan), nullptr);
  plan.alias = "hostdev0";  // libvirt's own, made anew at each start
  EXPECT_EQ(findNic(domain, plan)->alias, "ua-green-vf");
  plan.macAddress = "52:54:00:00:00:01";
  EXPECT_EQ(findNic(domain, plan), nullptr);
}

}  // namespace
}  // namespace vnic::domain
