// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/error_code.h"

#include <gtest/gtest.h>

namespace vnic::hypervisor {
namespace {

struct Case {
  const char* name;
  int code;
  const char* message;
  ErrorKind kind;
};

class KindOf : public testing::TestWithParam<Case> {};

TEST_P(KindOf, DecidesWhatACallerMayDo) {
  EXPECT_STREQ(toString(kindOf(GetParam().code, GetParam().message)), toString(GetParam().kind));
}

// Messages as libvirt gave them on real hosts.
INSTANTIATE_TEST_SUITE_P(
    Table, KindOf,
    testing::Values(
        Case{"noDomain", 42, "Domain not found: no domain with matching uuid", ErrorKind::NotFound},
        Case{"deviceGone", 99, "device not found: no device", ErrorKind::NotFound},
        Case{"noRoute", 38, "unable to connect to server at 'host2:16514': No route to host",
             ErrorKind::Transient},
        Case{"connectionLost", 38, "Cannot recv data: Connection reset by peer",
             ErrorKind::Transient},
        Case{"peerLost", 1, "internal error: client socket is closed", ErrorKind::Transient},
        Case{"vfInUse", 55, "PCI device 0000:01:10.0 is in use by driver QEMU, domain vm1",
             ErrorKind::Transient},
        Case{"jobLock", 68, "cannot acquire state change lock", ErrorKind::Transient},
        Case{"aliasStillThere", 67, "unsupported configuration: non unique alias detected: ua-a",
             ErrorKind::Transient},
        Case{"noSuchVf", 67,
             "Interface type hostdev is currently supported on SR-IOV Virtual "
             "Functions only",
             ErrorKind::Invalid},
        Case{"guestsDiffer", 67, "Target domain net card count 1 does not match source 2",
             ErrorKind::Invalid},
        Case{"guestAddressTaken", 27, "XML error: Attempted double use of PCI Address 0000:02:00.0",
             ErrorKind::Invalid},
        Case{"noNetwork", 43, "Network not found", ErrorKind::Invalid},
        Case{"wrongCertificate", 45, "authentication failed: Failed to verify peer's certificate",
             ErrorKind::Forbidden},
        Case{"readOnly", 88, "access denied", ErrorKind::Forbidden},
        Case{"aborted", 78, "operation aborted: migration out: canceled by client",
             ErrorKind::Cancelled},
        Case{"unknownCode", 4711, "something new", ErrorKind::Transient}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace vnic::hypervisor
