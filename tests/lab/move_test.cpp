// SPDX-License-Identifier: Apache-2.0
// VMs that move, and end where they should with everything that they had.
#include "lab/lab_test.h"

namespace vnic::lab {
namespace {

using Move = LabTest;

TEST_F(Move, FailoverGuestThereAndBack) {
  const Guest guest = useGuest("failover");
  const std::string home = hostOf(guest);
  const std::string away = otherHost(home);
  lab({"virsh", home, "autostart", guest.name});

  migrate(guest, away);
  expectSettled(guest, away);
  EXPECT_THAT(lab({"virsh", away, "dominfo", guest.name}),
              testing::ContainsRegex("Autostart: +enable"));

  // Without a wish: there is only one other host.
  const Json back = Migration::create(guest.name, Json::object()).waitEnd();
  EXPECT_EQ(back.at("status").at("targetHost"), home);
  expectSettled(guest, home);
  lab({"virsh", home, "autostart", "--disable", guest.name});
}

TEST_F(Move, UnplugAndReplugOfAVfWithoutFailover) {
  const Guest guest = useGuest("vf");
  const std::string target = otherHost(hostOf(guest));
  migrate(guest, target);
  expectSettled(guest, target);
}

TEST_F(Move, TwoNicsOnTwoNetworks) {
  const Guest guest = useGuest("pair2");
  ASSERT_EQ(guest.nics.size(), 2u);
  const std::string target = otherHost(hostOf(guest));
  const Json migration = migrate(guest, target);
  const std::string xml = liveXml(target, guest.name);
  for (const Json& nic : migration.at("status").at("nics")) {
    EXPECT_EQ(vfIn(xml, nic.at("mac")), nic.at("targetVf").get<std::string>());
  }
  expectSettled(guest, target);
}

TEST_F(Move, ToTheHostWhereItRunsIsDoneAtOnce) {
  const Guest guest = useGuest("failover");
  const Untouched untouched(guest);
  const Json migration =
      Migration::create(guest.name, {{"targetHostName", hostOf(guest)}}).waitEnd();
  EXPECT_EQ(migration.at("status").at("phase"), "Succeeded");
  EXPECT_EQ(reasonOf(migration), "AlreadyOnTarget");
  untouched.check();
}

}  // namespace
}  // namespace vnic::lab
