// SPDX-License-Identifier: Apache-2.0
#include "domain/guest_requirements.h"

#include <gtest/gtest.h>

namespace vnic::domain {
namespace {

// As libvirt 11.3 prints the parts that matter.
constexpr char kLive[] = R"(<domain type='kvm' id='3'>
  <name>db</name>
  <memory unit='KiB'>262144</memory>
  <memtune><hard_limit unit='KiB'>131072</hard_limit></memtune>
  <memoryBacking><hugepages/></memoryBacking>
  <os><type arch='x86_64' machine='pc-q35-10.0'>hvm</type></os>
  <cpu mode='custom' match='exact' check='full'>
    <model fallback='forbid'>qemu64</model>
    <feature policy='require' name='x2apic'/>
  </cpu>
  <devices>
    <disk type='file' device='disk'>
      <source file='/images/a.qcow2' index='1'/><target dev='vda' bus='virtio'/>
    </disk>
    <disk type='block' device='disk'><source dev='/dev/vg/b'/><target dev='vdb'/></disk>
    <disk type='network' device='disk'>
      <source protocol='rbd' name='pool/c'/><target dev='vdc'/>
    </disk>
    <disk type='file' device='cdrom'>
      <source file='/images/d.iso'/><target dev='sda'/><readonly/>
    </disk>
    <disk type='file' device='cdrom'><target dev='sdb'/><readonly/></disk>
  </devices>
</domain>)";

TEST(GuestRequirements, AreReadFromTheLiveDefinition) {
  const auto needs = readRequirements(kLive);
  ASSERT_TRUE(needs) << needs.error().message;
  EXPECT_EQ(needs->host.domainType, "kvm");
  EXPECT_EQ(needs->host.architecture, "x86_64");
  EXPECT_EQ(needs->host.machine, "pc-q35-10.0");
  EXPECT_EQ(needs->host.cpuXml.find("<cpu mode='custom'"), 0u) << needs->host.cpuXml;
  EXPECT_NE(needs->host.cpuXml.find("x2apic"), std::string::npos);
  EXPECT_EQ(needs->cpuMode, "custom");
  EXPECT_EQ(needs->memoryKiB, 262144);
  EXPECT_TRUE(needs->hugepages);
  EXPECT_EQ(needs->memoryLimitKiB, 131072);
  ASSERT_EQ(needs->localDisks.size(), 3u) << "neither the network's disk nor the empty drive";
  EXPECT_EQ(needs->localDisks[0].target, "vda");
  EXPECT_EQ(needs->localDisks[0].source, "/images/a.qcow2");
  EXPECT_EQ(needs->localDisks[1].source, "/dev/vg/b");
  EXPECT_FALSE(needs->localDisks[1].readOnly);
  EXPECT_TRUE(needs->localDisks[2].readOnly);
}

TEST(GuestRequirements, APassedThroughCpuCannotBeCompared) {
  const auto needs = readRequirements(
      "<domain type='kvm'><memory>1</memory><cpu mode='host-passthrough'/></domain>");
  ASSERT_TRUE(needs) << needs.error().message;
  EXPECT_EQ(needs->cpuMode, "host-passthrough");
  EXPECT_EQ(needs->host.cpuXml, "");
  EXPECT_EQ(needs->memoryLimitKiB, std::nullopt);
}

TEST(GuestRequirements, WhatIsNoDefinitionIsInvalid) {
  for (const char* text : {"", "<domain/>", "<network/>", "<domain><memory>x</memory></domain>",
                           "<domain><memory>1</memory><memtune><hard_limit>x</hard_limit></memtune>"
                           "</domain>"}) {
    const auto needs = readRequirements(text);
    ASSERT_FALSE(needs) << text;
    EXPECT_EQ(needs.error().kind, ErrorKind::Invalid) << text;
  }
}

}  // namespace
}  // namespace vnic::domain
