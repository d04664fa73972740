// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/libvirt/qemu_answers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vnic::hypervisor {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(QemuAnswers, FindsDevicesBehindBridges) {
  const auto ids = parsePciIds(R"({"return":[{"bus":0,"devices":[
    {"bus":0,"slot":0,"qdev_id":""},
    {"bus":0,"slot":1,"qdev_id":"pci.1","pci_bridge":{"bus":{"number":1},"devices":[
      {"bus":1,"slot":0,"qdev_id":"ua-blue-standby"}]}},
    {"bus":0,"slot":2,"qdev_id":"pci.2","pci_bridge":{"bus":{"number":2}}},
    {"bus":0,"slot":3,"pci_bridge":{"devices":[{"pci_bridge":{"devices":[
      {"qdev_id":"ua-blue-vf"}]}}]}}]}],"id":"libvirt-12"})");
  ASSERT_TRUE(ids) << ids.error().message;
  EXPECT_THAT(*ids, ElementsAre("pci.1", "pci.2", "ua-blue-standby", "ua-blue-vf"));
}

TEST(QemuAnswers, ReadsWhatBlocksAMigration) {
  EXPECT_THAT(parseBlockedReasons(R"({"return":{"blocked-reasons":["a","b"]}})").value(),
              ElementsAre("a", "b"));
  EXPECT_THAT(parseBlockedReasons(R"({"return":{}})").value(), IsEmpty());
}

TEST(QemuAnswers, WhatIsNoAnswerIsInvalid) {
  for (const char* text : {"", "x", "[]", "{}", R"({"error":{"class":"CommandNotFound"}})"}) {
    EXPECT_EQ(parsePciIds(text).error().kind, ErrorKind::Invalid) << text;
    EXPECT_EQ(parseBlockedReasons(text).error().kind, ErrorKind::Invalid) << text;
  }
  EXPECT_EQ(parsePciIds(R"({"return":5})").error().kind, ErrorKind::Invalid);
}

TEST(QemuAnswers, HostileAnswersAreHarmless) {
  std::string deep = R"({"return":[{"devices":)";
  std::string end;
  for (int i = 0; i < 20000; ++i) {
    deep += R"([{"pci_bridge":{"devices":)";
    end += "}}]";
  }
  EXPECT_TRUE(parsePciIds(deep + "[]" + end + "}]}"));
  EXPECT_TRUE(parsePciIds(R"({"return":[5,{"devices":[5,null,{"qdev_id":7,"pci_bridge":3}]}]})"));
  EXPECT_TRUE(parseBlockedReasons(R"({"return":{"blocked-reasons":[5,{}]}})"));
}

}  // namespace
}  // namespace vnic::hypervisor
