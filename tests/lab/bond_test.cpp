// SPDX-License-Identifier: Apache-2.0
// A guest without failover that bonds a VF and a virtio NIC by the guest kit.
#include <filesystem>
#include <fstream>

#include "lab/lab_test.h"
#include "lab/vnic.h"
#include "support/source_tree.h"

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

std::string textOf(const std::string& relative) {
  std::ifstream in(test::sourcePath(relative));
  return {std::istreambuf_iterator<char>(in), {}};
}

// The lab's guests have no systemd, its hosts do, and VFs as well.
TEST(GuestKit, NetworkdMakesTheSameBond) {
  std::string command = "mkdir -p /run/vnic-kit && cd /run/vnic-kit\n";
  const std::string kit = test::sourcePath("deploy/guest/systemd-networkd");
  for (const auto& file : std::filesystem::directory_iterator(kit)) {
    const std::string name = file.path().filename();
    command +=
        "cat >" + name + " <<'END'\n" + textOf("deploy/guest/systemd-networkd/" + name) + "END\n";
  }
  command += "cat >/run/networkd_bond.sh <<'END'\n" + textOf("tests/lab/networkd_bond.sh") +
             "END\nsh /run/networkd_bond.sh /run/vnic-kit";
  const auto done = tryLab({"ssh", "host1", command});
  ASSERT_EQ(done.exitCode, 0) << done.out << done.err;
  const std::string bond = ": mac=52:54:00:00:00:01 mode=active-backup";
  EXPECT_THAT(done.out, testing::HasSubstr("together" + bond + " slaves=2 active=vf"));
  EXPECT_THAT(done.out, testing::HasSubstr("away" + bond +
                                           " slaves=1 active=virtio "
                                           "active_mac=52:54:00:00:00:01"));
  EXPECT_THAT(done.out, testing::HasSubstr("back" + bond + " slaves=2 active=vf"));
}

}  // namespace
}  // namespace vnic::lab
