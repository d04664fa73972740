// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/check_host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "hypervisor/error_code.h"
#include "support/fake_hypervisor.h"

namespace vnic::hypervisor {
namespace {

using testing::HasSubstr;

HostSnapshot fitHost() {
  HostSnapshot host;
  host.libvirt = {11, 3, 0};
  host.qemu = {10, 0, 2};
  host.networks = {{"tenant-blue", true, "br0"}};
  PhysicalFunction pf;
  pf.address = *PciAddress::parse("0000:01:00.0");
  pf.netdev = "enp1s0";
  pf.linkUp = true;
  pf.maxVirtualFunctions = 7;
  VirtualFunction vf;
  vf.iommuGroup = 9;
  vf.iommuGroupSize = 1;
  pf.virtualFunctions = {vf, vf};
  host.physicalFunctions = {pf};
  return host;
}

std::string linesOf(const std::vector<CheckLine>& lines, CheckLevel level) {
  std::string text;
  for (const CheckLine& line : lines) {
    if (line.level == level) text += line.subject + ": " + line.finding + " | " + line.fix + "\n";
  }
  return text;
}

TEST(CheckSnapshot, AFitHostHasNothingToComplainOf) {
  const auto lines = checkSnapshot(fitHost());
  EXPECT_EQ(linesOf(lines, CheckLevel::Failure), "");
  EXPECT_EQ(linesOf(lines, CheckLevel::Warning), "");
}

struct Lack {
  const char* name;
  void (*take)(HostSnapshot&);
  CheckLevel level;
  const char* subject;
  const char* fix;
};

class Lacks : public testing::TestWithParam<Lack> {};

TEST_P(Lacks, AreNamedWithTheFix) {
  HostSnapshot host = fitHost();
  GetParam().take(host);
  const auto lines = checkSnapshot(host);
  EXPECT_THAT(linesOf(lines, GetParam().level), HasSubstr(GetParam().subject));
  EXPECT_THAT(linesOf(lines, GetParam().level), HasSubstr(GetParam().fix));
  EXPECT_EQ(anyFailure(lines), GetParam().level == CheckLevel::Failure);
}

INSTANTIATE_TEST_SUITE_P(
    Table, Lacks,
    testing::Values(
        Lack{"libvirt",
             [](HostSnapshot& host) {
               host.libvirt = {6, 9, 0};
             },
             CheckLevel::Failure, "6.9.0 is older than 7.0.0", "libvirt 7.0.0 or newer"},
        Lack{"qemu",
             [](HostSnapshot& host) {
               host.qemu = {5, 1, 9};
             },
             CheckLevel::Failure, "5.1.9 is older than 5.2.0", "QEMU 5.2.0 or newer"},
        Lack{"iommu", [](HostSnapshot& host) { host.iommu = false; }, CheckLevel::Failure, "IOMMU",
             "intel_iommu=on"},
        Lack{"vfio", [](HostSnapshot& host) { host.vfio = false; }, CheckLevel::Failure, "VFIO",
             "modprobe vfio-pci"},
        Lack{"noCard", [](HostSnapshot& host) { host.physicalFunctions.clear(); },
             CheckLevel::Failure, "no network card with SR-IOV", "firmware"},
        Lack{"noVfs",
             [](HostSnapshot& host) { host.physicalFunctions[0].virtualFunctions.clear(); },
             CheckLevel::Failure, "no card is up and has VFs", "see the lines above"},
        Lack{"oneCardWithoutVfs",
             [](HostSnapshot& host) {
               PhysicalFunction pf = host.physicalFunctions[0];
               pf.address.bus = 2;
               pf.virtualFunctions.clear();
               host.physicalFunctions.push_back(pf);
             },
             CheckLevel::Warning, "has none",
             "echo 7 > /sys/bus/pci/devices/0000:02:00.0/sriov_numvfs"},
        Lack{"down", [](HostSnapshot& host) { host.physicalFunctions[0].linkUp = false; },
             CheckLevel::Failure, "no card is up", "see the lines above"},
        Lack{"sharedGroup",
             [](HostSnapshot& host) {
               host.physicalFunctions[0].virtualFunctions[0].iommuGroupSize = 3;
             },
             CheckLevel::Warning, "1 VFs of enp1s0", "ACS"},
        Lack{"hostUsesVf",
             [](HostSnapshot& host) {
               host.physicalFunctions[0].virtualFunctions[1].netdevUp = true;
             },
             CheckLevel::Warning, "up as the host's own NICs", "blacklist"},
        Lack{"noNetworks", [](HostSnapshot& host) { host.networks.clear(); }, CheckLevel::Warning,
             "networks", "virsh net-define"},
        Lack{"inactiveNetwork", [](HostSnapshot& host) { host.networks[0].active = false; },
             CheckLevel::Warning, "tenant-blue is not active", "virsh net-start tenant-blue"}),
    [](const auto& info) { return info.param.name; });

struct ConnectionCase {
  const char* name;
  int code;
  const char* message;
  const char* fix;
};

class ConnectionFixes : public testing::TestWithParam<ConnectionCase> {};

// Messages as a real client got them.
TEST_P(ConnectionFixes, FitTheMessage) {
  const CheckLine line =
      checkConnection(fail(Error{ErrorKind::Transient, GetParam().message, GetParam().code}));
  EXPECT_EQ(line.level, CheckLevel::Failure);
  EXPECT_THAT(line.finding, HasSubstr(GetParam().message));
  EXPECT_THAT(line.fix, HasSubstr(GetParam().fix));
}

INSTANTIATE_TEST_SUITE_P(
    Table, ConnectionFixes,
    testing::Values(
        ConnectionCase{"refused", kSystemError,
                       "unable to connect to server at 'host1:16514': Connection refused",
                       "libvirtd-tls.socket"},
        ConnectionCase{"wrongName", kAuthFailed,
                       "authentication failed: Failed to verify peer's certificate",
                       "server certificate's names"},
        ConnectionCase{"noClientCertificate", kSystemError,
                       "Unable to read TLS confirmation: Input/output error", "clientcert.pem"}),
    [](const auto& info) { return info.param.name; });

TEST(CheckPeer, SaysWhatItKnows) {
  EXPECT_EQ(checkPeer("u", PeerProbe{PeerAccess::Reached, ""}).level, CheckLevel::Ok);
  EXPECT_EQ(checkPeer("u", PeerProbe{PeerAccess::Unchecked, "no VM runs"}).level,
            CheckLevel::Warning);
  EXPECT_EQ(checkPeer("u", PeerProbe{PeerAccess::Refused, "No route"}).level, CheckLevel::Failure);
  EXPECT_EQ(checkPeer("u", fail(Error::transient("host away"))).level, CheckLevel::Warning);
}

// Time passes only when somebody waits.
class SteppingClock final : public Clock {
 public:
  MonoTime now() const override { return now_; }
  WallTime wall() const override { return {}; }
  bool sleepFor(Duration duration, std::stop_token) override {
    now_ += duration;
    return true;
  }

 private:
  MonoTime now_;
};

TEST(CheckHost, WritesATableAndTellsTheShell) {
  test::FakeHypervisor hosts;
  SteppingClock clock;
  hosts.addHost("the host");
  std::ostringstream out;
  EXPECT_EQ(checkHost(hosts, clock, "qemu+tls://host1/system", std::nullopt,
                      std::chrono::seconds(5), out),
            0);
  EXPECT_THAT(out.str(), HasSubstr("OK    connection"));
  EXPECT_THAT(out.str(), HasSubstr("Fit, 0 warnings"));

  hosts.setAway("the host", true);
  std::ostringstream away;
  EXPECT_EQ(checkHost(hosts, clock, "qemu+tls://host1/system", std::nullopt,
                      std::chrono::seconds(5), away),
            1);
  EXPECT_THAT(away.str(), HasSubstr("FAIL  connection"));
  EXPECT_THAT(away.str(), HasSubstr("fix: "));
}

TEST(CheckHost, GivesAConnectionThatIsUnderWayTheTimeItHas) {
  test::FakeHypervisor hosts;
  SteppingClock clock;
  hosts.addHost("the host");
  for (int i = 0; i < 3; ++i) {
    hosts.failNext(test::Operation::Snapshot, Error::transient("the first attempt is under way"));
  }
  std::ostringstream out;
  EXPECT_EQ(checkHost(hosts, clock, "qemu+tls://host1/system", std::nullopt,
                      std::chrono::seconds(5), out),
            0);
  for (int i = 0; i < 100; ++i) {
    hosts.failNext(test::Operation::Snapshot, Error::transient("no answer yet"));
  }
  EXPECT_EQ(checkHost(hosts, clock, "qemu+tls://host1/system", std::nullopt,
                      std::chrono::seconds(5), out),
            1);
}

}  // namespace
}  // namespace vnic::hypervisor
