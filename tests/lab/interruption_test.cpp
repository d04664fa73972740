// SPDX-License-Identifier: Apache-2.0
// What may come between: a crash of the operator, a person who thinks again.
#include "lab/lab_test.h"

namespace vnic::lab {
namespace {

class Interruption : public LabTest {
 protected:
  void SetUp() override {
    LabTest::SetUp();
    guest_ = useGuest("failover");
    source_ = hostOf(guest_);
    target_ = otherHost(source_);
  }

  // A copy that takes its time: about 90 MiB have to go over.
  Migration startSlowly(int mebibytesPerSecond) {
    const auto migration = Migration::create(
        guest_.name,
        {{"targetHostName", target_}, {"policy", {{"bandwidthMiBPerSecond", mebibytesPerSecond}}}});
    migration.waitCopying(guest_, source_);
    EXPECT_FALSE(vfIn(liveXml(source_, guest_.name), guest_.nics[0].mac));
    return migration;
  }

  Guest guest_;
  std::string source_;
  std::string target_;
};

TEST_F(Interruption, OperatorKilledDuringTheCopy) {
  const auto migration = startSlowly(3);
  stack({"operator", "kill"});
  EXPECT_TRUE(isCopying(source_, guest_)) << "was killed too late, or the copy died with it";
  stack({"operator", "start"});
  const Json ended = migration.waitEnd();
  EXPECT_EQ(ended.at("status").at("phase"), "Succeeded");
  EXPECT_EQ(ended.at("status").at("attempts"), 1);
  expectSettled(guest_, target_);
}

// The next process finds a VM that has arrived, without its VF.
TEST_F(Interruption, OperatorDeadUntilAfterTheCopy) {
  const auto migration = startSlowly(8);
  stack({"operator", "kill"});
  EXPECT_TRUE(isCopying(source_, guest_)) << "was killed too late, or the copy died with it";
  ASSERT_TRUE(eventually(std::chrono::seconds(120), [&] {
    return lab({"where", guest_.name}) == target_ + "\n";
  }));
  EXPECT_FALSE(vfIn(liveXml(target_, guest_.name), guest_.nics[0].mac));
  stack({"operator", "start"});
  const Json ended = migration.waitEnd();
  EXPECT_EQ(ended.at("status").at("phase"), "Succeeded");
  expectSettled(guest_, target_);
}

TEST_F(Interruption, CancelDuringTheCopy) {
  const auto migration = startSlowly(1);
  migration.cancel();
  const Json ended = migration.waitEnd();
  EXPECT_EQ(ended.at("status").at("phase"), "Cancelled");
  EXPECT_EQ(condition(ended, "Succeeded").at("status"), "False");
  EXPECT_TRUE(vfIn(liveXml(source_, guest_.name), guest_.nics[0].mac))
      << "cancelled means that the VF is back";
  expectSettled(guest_, source_);
}

TEST_F(Interruption, DeletionDuringTheCopy) {
  const auto migration = startSlowly(1);
  migration.remove();
  EXPECT_TRUE(vfIn(liveXml(source_, guest_.name), guest_.nics[0].mac))
      << "the object goes away once all is in order, not before";
  expectSettled(guest_, source_);
}

}  // namespace
}  // namespace vnic::lab
