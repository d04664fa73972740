// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/libvirt/node_devices.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "support/source_tree.h"

namespace vnic::hypervisor {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

PciAddress pci(const char* text) {
  return *PciAddress::parse(text);
}

// As libvirt 11.3 printed it on a real host (tests/golden/node_devices/).
NodeDevice device(const std::string& name) {
  std::ifstream file(test::sourcePath("tests/golden/node_devices/" + name));
  if (!file) throw std::runtime_error("no golden file " + name);
  std::ostringstream text;
  text << file.rdbuf();
  return *parseNodeDevice(text.str());
}

TEST(NodeDevices, APfWithItsVfs) {
  const auto pfs =
      physicalFunctionsOf({device("other_pci.xml"), device("netdev_of_tap.xml"),
                           device("vf_in_use.xml"), device("netdev_of_pf.xml"), device("pf.xml")});
  ASSERT_EQ(pfs.size(), 1u);
  EXPECT_EQ(pfs[0].address, pci("0000:01:00.0"));
  EXPECT_EQ(pfs[0].netdev, "enp1s0");
  EXPECT_TRUE(pfs[0].linkUp);
  EXPECT_EQ(pfs[0].maxVirtualFunctions, 7);
  ASSERT_EQ(pfs[0].virtualFunctions.size(), 4u);
  const VirtualFunction& inUse = pfs[0].virtualFunctions[0];
  EXPECT_EQ(inUse.address, pci("0000:01:10.0"));
  EXPECT_EQ(inUse.driver, "vfio-pci");
  EXPECT_EQ(inUse.iommuGroup, 9);
  EXPECT_EQ(inUse.iommuGroupSize, 1);
  EXPECT_EQ(inUse.netdev, "");
  // Listed by its PF, but it was not among the devices: nothing is known of it.
  EXPECT_EQ(pfs[0].virtualFunctions[1].address, pci("0000:01:10.2"));
  EXPECT_EQ(pfs[0].virtualFunctions[1].iommuGroup, -1);
}

TEST(NodeDevices, AVfThatNobodyUsesHasNoDriver) {
  const NodeDevice vf = device("vf_free.xml");
  EXPECT_EQ(vf.address, pci("0000:02:10.0"));
  EXPECT_EQ(vf.driver, "");
  EXPECT_GE(vf.iommuGroup, 0);
  EXPECT_FALSE(vf.isPhysicalFunction);
}

std::string pciXml(const std::string& name, int slot, const std::string& more,
                   const std::string& pciClass = "0x020000") {
  return "<device><name>" + name + "</name><capability type='pci'><class>" + pciClass +
         "</class><domain>0</domain><bus>1</bus><slot>" + std::to_string(slot) +
         "</slot><function>0</function>" + more + "</capability></device>";
}

TEST(NodeDevices, AVfWithAHostInterfaceShowsItsNameAndLink) {
  const auto pfs = physicalFunctionsOf(
      {*parseNodeDevice(pciXml("pf", 0,
                               "<capability type='virt_functions' maxCount='8'><address "
                               "domain='0x0000' bus='0x01' slot='0x10' function='0x0'/>"
                               "</capability>")),
       *parseNodeDevice(pciXml("vf", 16,
                               "<iommuGroup number='3'><address domain='0' bus='1' slot='16' "
                               "function='0'/><address domain='0' bus='1' slot='17' "
                               "function='0'/></iommuGroup>")),
       *parseNodeDevice("<device><name>n</name><parent>vf</parent><capability type='net'>"
                        "<interface>enp1s0v0</interface><link state='down'/></capability>"
                        "</device>")});
  ASSERT_EQ(pfs.size(), 1u);
  ASSERT_EQ(pfs[0].virtualFunctions.size(), 1u);
  EXPECT_EQ(pfs[0].virtualFunctions[0].netdev, "enp1s0v0");
  EXPECT_FALSE(pfs[0].virtualFunctions[0].netdevUp);
  EXPECT_EQ(pfs[0].virtualFunctions[0].iommuGroupSize, 2) << "not alone";
  EXPECT_EQ(pfs[0].netdev, "") << "a PF that is passed through has no interface";
}

TEST(NodeDevices, APfWithoutVfsIsStillAPf) {
  const auto pfs = physicalFunctionsOf(
      {*parseNodeDevice(pciXml("pf", 0, "<capability type='virt_functions' maxCount='8'/>"))});
  ASSERT_EQ(pfs.size(), 1u);
  EXPECT_EQ(pfs[0].maxVirtualFunctions, 8);
  EXPECT_THAT(pfs[0].virtualFunctions, IsEmpty());
}

TEST(NodeDevices, ADiskControllerWithVfsIsNoNic) {
  EXPECT_THAT(physicalFunctionsOf({*parseNodeDevice(pciXml(
                  "nvme", 0, "<capability type='virt_functions' maxCount='8'/>", "0x010802"))}),
              IsEmpty());
}

TEST(NodeDevices, WhatIsNeitherPfNorVfNorTheirInterfaceNeedNotBeReadAgain) {
  EXPECT_THAT(irrelevantOf({device("other_pci.xml"), device("netdev_of_tap.xml"),
                            device("vf_in_use.xml"), device("netdev_of_pf.xml"), device("pf.xml")}),
              ElementsAre("pci_0000_00_1f_0", "net_vnet0_fe_54_00_6f_e0_5a"));
}

TEST(NodeDevices, KnowsWhetherThereIsAnIommu) {
  EXPECT_TRUE(anyInIommuGroup({device("netdev_of_tap.xml"), device("vf_free.xml")}));
  EXPECT_FALSE(
      anyInIommuGroup({device("netdev_of_tap.xml"), *parseNodeDevice(pciXml("a", 1, ""))}));
}

TEST(NodeDevices, RefusesWhatIsNoDevice) {
  EXPECT_EQ(parseNodeDevice("<device>").error().kind, ErrorKind::Invalid);
  EXPECT_EQ(parseNodeDevice("<domain/>").error().kind, ErrorKind::Invalid);
}

}  // namespace
}  // namespace vnic::hypervisor
