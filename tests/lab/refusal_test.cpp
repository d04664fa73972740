// SPDX-License-Identifier: Apache-2.0
// Migrations that must not happen: refused with the reason named, and nothing touched.
#include <fmt/format.h>

#include "lab/lab_test.h"

namespace vnic::lab {
namespace {

using Refusal = LabTest;

void expectRefused(const Migration& migration, const std::string& reason,
                   const std::string& named) {
  const Json ended = migration.waitEnd();
  EXPECT_EQ(ended.at("status").at("phase"), "Failed");
  EXPECT_EQ(reasonOf(ended), reason);
  const Json ready = condition(ended, "Ready");
  EXPECT_EQ(ready.at("status"), "False");
  EXPECT_EQ(condition(ended, "Stalled").value("status", ""), "True");
  EXPECT_THAT(ready.at("message").get<std::string>(), testing::HasSubstr(named));
}

// Definitions that never run but name the VFs of a host, until none of that color is left.
class HostWithoutVfs {
 public:
  HostWithoutVfs(const std::string& host, const std::string& color) {
    std::size_t free = 0;
    const std::string xml = definitionsOf(host);
    for (const HostVf& vf : vfsOf(host)) {
      if (vf.color == color && xml.find(sourceAddress(vf.address)) == std::string::npos) ++free;
    }
    while (free-- > 0) names_.push_back(defineGuest("vf", host, {"--no-start"}));
  }
  ~HostWithoutVfs() {
    for (const std::string& name : names_) (void)tryLab({"delete", name});
  }
  HostWithoutVfs(const HostWithoutVfs&) = delete;
  HostWithoutVfs& operator=(const HostWithoutVfs&) = delete;

 private:
  static std::string definitionsOf(const std::string& host) {
    std::string all;
    for (const std::string& name : domainsOf(host)) all += persistentXml(host, name);
    return all;
  }
  static std::string sourceAddress(const std::string& pci) {
    return fmt::format("<address type='pci' domain='0x{}' bus='0x{}' slot='0x{}' function='0x{}'/>",
                       pci.substr(0, 4), pci.substr(5, 2), pci.substr(8, 2), pci.substr(11, 1));
  }

  std::vector<std::string> names_;
};

TEST_F(Refusal, DryRunNamesTheHostThatFitsAndTouchesNothing) {
  const Guest guest = useGuest("failover");
  const std::string home = hostOf(guest);
  const Untouched untouched(guest);
  const Json migration = Migration::create(guest.name, {{"mode", "DryRun"}}).waitEnd();
  EXPECT_EQ(migration.at("status").at("phase"), "Succeeded");
  EXPECT_EQ(condition(migration, "Ready").at("status"), "True");
  EXPECT_EQ(reasonOf(migration, "Succeeded"), "WouldSucceed");
  const Json& hosts = migration.at("status").at("preflight").at("hosts");
  ASSERT_EQ(hosts.size(), 1u) << hosts;
  EXPECT_EQ(hosts[0].at("name"), otherHost(home));
  EXPECT_EQ(hosts[0].at("fits"), true);
  untouched.check();
  expectSettled(guest, home);
}

TEST_F(Refusal, TargetWithoutFreeVfs) {
  const Guest guest = useGuest("failover");
  const std::string home = hostOf(guest);
  const std::string full = otherHost(home);
  const HostWithoutVfs fillers(full, "blue");
  const Untouched untouched(guest);

  const auto refused = Migration::create(guest.name, {{"targetHostName", full}});
  expectRefused(refused, "NoFreeVf", guest.nics[0].mac);

  const Json dryRun = Migration::create(guest.name, {{"mode", "DryRun"}}).waitEnd();
  EXPECT_EQ(dryRun.at("status").at("phase"), "Succeeded");
  EXPECT_EQ(reasonOf(dryRun, "Succeeded"), "WouldFail");
  const Json& hosts = dryRun.at("status").at("preflight").at("hosts");
  ASSERT_EQ(hosts.size(), 1u) << hosts;
  EXPECT_EQ(hosts[0].value("fits", false), false);
  EXPECT_THAT(hosts[0].at("reasons").dump(), testing::HasSubstr("NoFreeVf"));

  untouched.check();
  expectSettled(guest, home);
}

TEST_F(Refusal, AForbiddenOutage) {
  const Guest guest = useGuest("vf");
  const std::string home = hostOf(guest);
  const Untouched untouched(guest);
  expectRefused(Migration::create(guest.name, {{"policy", {{"networkOutage", "Forbid"}}}}),
                "NetworkOutage", guest.nics[0].mac);
  untouched.check();
  expectSettled(guest, home);
}

TEST_F(Refusal, AVmThatCannotBeFoundOrDoesNotRun) {
  const Guest guest = useGuest("vf");
  const Untouched untouched(guest);
  expectRefused(Migration::create("no-such-vm", Json::object()), "VmNotFound", "no-such-vm");

  apply({{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", "other-team"}}}});
  expectRefused(Migration::create(guest.name, Json::object(), "other-team"), "VmNotInNamespace",
                "namespace");

  expectRefused(Migration::create(guest.name, {{"targetHostName", "host9"}}), "TargetNotFound",
                "host9");
  untouched.check();

  const std::string off = defineGuest("vf", "host1", {"--no-start"});
  expectRefused(Migration::create(off, Json::object()), "VmNotRunning", off);
  deleteGuest(off);
}

TEST_F(Refusal, ANicThatMayNotMove) {
  const Guest guest = useGuest("vf");
  const std::string home = hostOf(guest);
  const Untouched untouched(guest);
  const auto setMigratable = [](bool migratable) {
    kubectl({"patch", "vnicprofile", "blue-plain", "--type", "merge", "--patch",
             Json{{"spec", {{"migratable", migratable}}}}.dump()});
  };
  setMigratable(false);
  const auto refused = Migration::create(guest.name, Json::object());
  EXPECT_NO_THROW(expectRefused(refused, "NicNotMigratable", guest.nics[0].mac));
  setMigratable(true);
  untouched.check();
  expectSettled(guest, home);
}

TEST_F(Refusal, ANicThatNoVnicDescribes) {
  const Guest guest = useGuest("vf");
  const std::string home = hostOf(guest);
  const std::string xml = liveXml(home, guest.name);
  kubectl({"delete", "vnic", guest.vnicOf(guest.nics[0]), "--timeout=60s"});
  const auto refused = Migration::create(guest.name, Json::object());
  EXPECT_NO_THROW(expectRefused(refused, "NicNotDescribed", guest.nics[0].mac));
  EXPECT_EQ(liveXml(home, guest.name), xml) << "neither a Vnic that goes nor a refusal touches it";
  stack({"describe", guest.name});
  expectSettled(guest, home);
}

}  // namespace
}  // namespace vnic::lab
