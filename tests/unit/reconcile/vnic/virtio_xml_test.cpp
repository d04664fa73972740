// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vnic/virtio_xml.h"

#include <gtest/gtest.h>

namespace vnic::reconcile::vnic {
namespace {

TEST(VirtioXml, StandbyOnALibvirtNetwork) {
  api::VnicProfileSpec profile;
  profile.network = "tenant-blue";
  EXPECT_EQ(virtioDeviceXml(profile, "52:54:00:00:00:01", "ua-1-standby", true),
            R"(<interface type="network"><mac address="52:54:00:00:00:01"/>)"
            R"(<source network="tenant-blue"/><model type="virtio"/><teaming type="persistent"/>)"
            R"(<alias name="ua-1-standby"/></interface>)");
}

TEST(VirtioXml, BridgeFilterAndMtu) {
  api::VnicProfileSpec profile;
  profile.network = "tenant-blue";
  profile.bridge = "br0";
  profile.networkFilter = "clean-traffic";
  profile.mtu = 9000;
  EXPECT_EQ(virtioDeviceXml(profile, "52:54:00:00:00:01", "ua-1", false),
            R"(<interface type="bridge"><mac address="52:54:00:00:00:01"/><source bridge="br0"/>)"
            R"(<model type="virtio"/><filterref filter="clean-traffic"/><mtu size="9000"/>)"
            R"(<alias name="ua-1"/></interface>)");
}

TEST(VirtioXml, NamesAreDataNotMarkup) {
  api::VnicProfileSpec profile;
  profile.network = R"(a"/><script>)";
  const std::string xml = virtioDeviceXml(profile, "m", "a", false);
  EXPECT_NE(xml.find("network=\"a&quot;/"), std::string::npos) << xml;
  EXPECT_EQ(xml.find("<script"), std::string::npos) << xml;
}

// A standby has the MAC of its VF; only all of it together names one device.
TEST(VirtioXml, NamesAnExistingNicByMacAliasAndGuestAddress) {
  domain::VirtualNic nic;
  nic.mac = "52:54:00:00:00:01";
  nic.alias = "ua-1-standby";
  nic.type = "bridge";  // as libvirt shows a running NIC of a network
  nic.model = "virtio";
  nic.network = "tenant-blue";
  nic.bridge = "br0";
  nic.standby = true;
  nic.guestAddress = PciAddress::parse("0000:01:00.0");
  EXPECT_EQ(virtioDeviceXml(nic),
            R"(<interface type="network"><mac address="52:54:00:00:00:01"/>)"
            R"(<source network="tenant-blue"/><model type="virtio"/><teaming type="persistent"/>)"
            R"(<alias name="ua-1-standby"/><address type="pci" domain="0x0000" bus="0x01" )"
            R"(slot="0x00" function="0x0"/></interface>)");
}

}  // namespace
}  // namespace vnic::reconcile::vnic
