// SPDX-License-Identifier: Apache-2.0
// A guest without failover that bonds a VF and a virtio NIC by the guest kit.
#include "lab/lab_test.h"
#include "lab/vnic.h"

namespace vnic::lab {
namespace {

using namespace std::chrono_literals;

// The bond's line of what the guest printed last.
std::string bondOf(const Guest& guest) {
  const std::string nics = lab({"nics", guest.name});
  const auto at = nics.find("NIC bond0 ");
  return at == std::string::npos ? "" : nics.substr(at, nics.find('\n', at) - at);
}

using Bond = LabTest;

TEST_F(Bond, KeepsItsMacAndItsAddressThroughAMove) {
  const Guest guest = useGuest("bond");
  const std::string& mac = guest.nics[0].mac;
  const std::string before = bondOf(guest);
  EXPECT_THAT(before, testing::HasSubstr("mac=" + mac));
  EXPECT_THAT(before, testing::HasSubstr("address=10.88."));
  const std::string target = otherHost(hostOf(guest));
  migrate(guest, target);
  expectSettled(guest, target);
  EXPECT_EQ(bondOf(guest), before);
  const auto history = historyIn(lab({"console", guest.name}), mac);
  ASSERT_FALSE(history.empty());
  EXPECT_EQ(history.back(), "standby+vf") << "both are in the bond again, with its MAC";
}

}  // namespace
}  // namespace vnic::lab
