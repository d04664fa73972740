// SPDX-License-Identifier: Apache-2.0
#include "lab/lab_test.h"

#include <cstdlib>
#include <iostream>
#include <sstream>
#include <stdexcept>

#include "support/source_tree.h"

namespace vnic::lab {
namespace {

constexpr std::size_t kLogTail = 20000;  // characters

// Of all stacks, tests mean one: that of VNIC_STACK, else the one that ctest has started, else the
// newest. The lab's commands are told the same.
class ChooseStack : public testing::Environment {
 public:
  void SetUp() override {
    if (const char* started = std::getenv("VNIC_LAB_DEFAULT_STACK")) {
      setenv("VNIC_STACK", started, 0);
    }
    const std::string wanted = "export VNIC_STACK=";
    const std::string text = stack({"env"});
    const auto at = text.find(wanted);
    if (at == std::string::npos) throw std::runtime_error("'stack env' names no stack:\n" + text);
    std::string id;
    std::istringstream(text.substr(at + wanted.size())) >> id;
    setenv("VNIC_STACK", id.c_str(), 1);
    setenv("LAB_RUN", id.c_str(), 1);
  }
};

const auto* const kChosen = testing::AddGlobalTestEnvironment(new ChooseStack);

void print(const char* title, const std::string& text) {
  std::cerr << "----- " << title << "\n" << text << "\n";
}

}  // namespace

void LabTest::SetUp() {
  ASSERT_NE(kChosen, nullptr);
  // A test that failed may have left it dead.
  if (!operatorRuns()) stack({"operator", "start"});
}

void LabTest::TearDown() {
  if (!HasFailure()) return;
  try {
    const std::string log = stack({"operator", "log"});
    print("the end of the operator's log",
          log.size() > kLogTail ? log.substr(log.size() - kLogTail) : log);
    for (const char* kind : {"vmmigrations", "vnics", "vfreservations"}) {
      print(kind, kubectl({"get", kind, "--all-namespaces", "--output", "yaml"}));
    }
    print("guests", lab({"guests"}));
  } catch (const std::exception& error) {
    print("more cannot be said", error.what());
  }
}

Json LabTest::migrate(const Guest& guest, const std::string& target, Json spec) {
  spec["targetHostName"] = target;
  const std::string source = hostOf(guest);
  const Json migration = Migration::create(guest.name, std::move(spec)).waitEnd();
  const Json& status = migration.at("status");
  EXPECT_EQ(status.at("phase"), "Succeeded");
  EXPECT_EQ(status.at("sourceHost"), source);
  EXPECT_EQ(status.at("targetHost"), target);
  EXPECT_EQ(status.at("attempts"), 1);
  EXPECT_GT(status.value("downtimeMilliseconds", 0), 0);
  EXPECT_EQ(status.at("nics").size(), guest.nics.size());
  for (const Json& nic : status.at("nics")) {
    EXPECT_EQ(nic.at("state"), "Attached");
    EXPECT_GT(nic.value("withoutVfMilliseconds", 0), 0) << nic;
  }
  return migration;
}

}  // namespace vnic::lab
