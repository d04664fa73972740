// SPDX-License-Identifier: Apache-2.0
// The libvirt adapter on two real hosts and a real guest with one failover VF.
#include <gtest/gtest.h>

#include <future>

#include "domain/guest_requirements.h"
#include "hypervisor/error_code.h"
#include "lab/libvirt_adapter_fixture.h"
#include "support/tcp_relay.h"

namespace vnic::hypervisor {
namespace {

TEST_F(LibvirtAdapter, ReadsAWholeHost) {
  const HostSnapshot host = snapshotOf("host1");
  EXPECT_GE(host.libvirt, (Version{7, 0, 0}));
  EXPECT_GE(host.qemu, (Version{5, 2, 0}));
  EXPECT_TRUE(host.iommu);
  EXPECT_TRUE(host.vfio);
  ASSERT_FALSE(host.physicalFunctions.empty());
  const auto& pf = host.physicalFunctions[0];
  EXPECT_EQ(pf.netdev, "enp1s0");
  EXPECT_TRUE(pf.linkUp);
  EXPECT_EQ(pf.maxVirtualFunctions, 7);
  ASSERT_FALSE(pf.virtualFunctions.empty());
  bool inUse = false;
  for (const auto& vf : pf.virtualFunctions) {
    EXPECT_GE(vf.iommuGroup, 0);
    EXPECT_EQ(vf.iommuGroupSize, 1) << vf.address.str();
    if (vf.address == originalVf()) inUse = vf.driver == "vfio-pci";
  }
  EXPECT_TRUE(inUse) << "the guest's VF is bound to vfio-pci";
  bool network = false;
  for (const auto& known : host.networks) {
    if (known.name == "tenant-blue") network = known.active && known.bridge == "br0";
  }
  EXPECT_TRUE(network);

  const auto domains = hypervisor_->domains("host1");
  ASSERT_TRUE(domains) << domains.error().message;
  bool listed = false;
  for (const auto& domain : *domains) {
    if (domain.uuid != uuid_) continue;
    listed = true;
    EXPECT_EQ(domain.state, DomainState::Running);
    EXPECT_TRUE(domain.persistent);
  }
  EXPECT_TRUE(listed);
}

TEST_F(LibvirtAdapter, AHostThatAnswersThatItHasNoSuchDomainIsNotFound) {
  const auto absent = hypervisor_->domain("host2", uuid_);
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().kind, ErrorKind::NotFound);
  EXPECT_EQ(absent.error().code, kNoDomain);
}

TEST_F(LibvirtAdapter, TakesAVfOutAndPutsItBackWhereItWas) {
  detach("host1");
  EXPECT_TRUE(events_.seen("host1", "device-removed " + plan_.alias));
  const Domain without = domainOn("host1");
  EXPECT_EQ(domain::parseDomain(without.persistentXml)->passthroughNics().size(), 1u)
      << "a live detach must leave the definition as it is";

  const auto again =
      hypervisor_->detachDevice("host1", uuid_, vfXml(originalVf()), DeviceScope::Live);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::NotFound);
  EXPECT_EQ(again.error().code, kDeviceMissing) << again.error().message;

  attach("host1", originalVf());
  EXPECT_TRUE(events_.seen("host1", "device-added " + plan_.alias));

  const auto twice =
      hypervisor_->attachDevice("host1", uuid_, vfXml(originalVf()), DeviceScope::Live);
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().kind, ErrorKind::Transient) << twice.error().message;
  EXPECT_EQ(twice.error().code, kConfigUnsupported);
}

TEST_F(LibvirtAdapter, AsksWhetherAHostReachesItsPeer) {
  const auto reached = hypervisor_->probePeer("host1", peer_["host2"]);
  ASSERT_TRUE(reached) << reached.error().message;
  EXPECT_EQ(reached->access, PeerAccess::Reached) << reached->message;
  const auto refused = hypervisor_->probePeer("host1", "qemu+tcp://host2:1/system");
  ASSERT_TRUE(refused) << refused.error().message;
  EXPECT_EQ(refused->access, PeerAccess::Refused) << refused->message;
  EXPECT_EQ(domainOn("host1").state, DomainState::Running);
  EXPECT_FALSE(hypervisor_->domain("host2", uuid_)) << "asking must not move anything";
}

// What a preflight asks, of a VM that can move and of a host that suits it.
TEST_F(LibvirtAdapter, AnswersWhatAPreflightAsks) {
  const auto obstacles = hypervisor_->moveObstacles("host1", uuid_);
  ASSERT_TRUE(obstacles) << obstacles.error().message;
  EXPECT_EQ(obstacles->unasked, "");
  EXPECT_EQ(obstacles->snapshots, 0);
  EXPECT_EQ(obstacles->checkpoints, 0);
  EXPECT_TRUE(obstacles->blockJobs.empty());
  EXPECT_FALSE(obstacles->otherJob);
  EXPECT_TRUE(obstacles->qemuBlockers.empty()) << obstacles->qemuBlockers.front();

  const auto needs = domain::readRequirements(domainOn("host1").liveXml);
  ASSERT_TRUE(needs) << needs.error().message;
  const auto fits = hypervisor_->suitability("host2", needs->host);
  ASSERT_TRUE(fits) << fits.error().message;
  EXPECT_EQ(fits->machineProblem, "");
  EXPECT_EQ(fits->cpuProblem, "");
  ASSERT_TRUE(fits->availableMemoryKiB);
  EXPECT_GT(*fits->availableMemoryKiB, needs->memoryKiB);
  EXPECT_LT(*fits->availableMemoryKiB, 4 << 20) << "a host of the lab has 2.5 GiB";

  auto old = needs->host;
  old.machine = "pc-q35-99.0";
  EXPECT_NE(hypervisor_->suitability("host2", old)->machineProblem.find("pc-q35-99.0"),
            std::string::npos);
  auto demanding = needs->host;
  demanding.cpuXml =
      "<cpu mode='custom' match='exact'><model fallback='forbid'>qemu64</model>"
      "<feature policy='require' name='amx-tile'/></cpu>";
  const auto incompatible = hypervisor_->suitability("host2", demanding);
  ASSERT_TRUE(incompatible) << incompatible.error().message;
  EXPECT_NE(incompatible->cpuProblem.find("amx-tile"), std::string::npos)
      << incompatible->cpuProblem;

  const auto willing = hypervisor_->probeMove("host1", uuid_, peer_["host2"]);
  ASSERT_TRUE(willing) << willing.error().message;
  EXPECT_EQ(willing->answer, MoveAnswer::Willing) << willing->message;
  const auto refused = hypervisor_->probeMove("host1", uuid_, "qemu+tcp://host2:1/system");
  ASSERT_TRUE(refused) << refused.error().message;
  EXPECT_EQ(refused->answer, MoveAnswer::PeerRefused) << refused->message;
  EXPECT_EQ(domainOn("host1").state, DomainState::Running);
  EXPECT_FALSE(hypervisor_->domain("host2", uuid_)) << "asking must not move anything";
}

// QEMU shows the VF of a pair once the guest's driver has taken the standby, and only while it is
// plugged in.
TEST_F(LibvirtAdapter, TellsWhichDevicesTheGuestSees) {
  const auto sees = [&](const std::string& alias) {
    const auto devices = hypervisor_->guestDevices("host1", uuid_);
    return devices && devices->contains(alias);
  };
  ASSERT_TRUE(eventually(60s, [&] { return sees(plan_.alias); }));
  EXPECT_TRUE(sees(plan_.standbyAlias));
  detach("host1");
  EXPECT_FALSE(sees(plan_.alias));
  EXPECT_TRUE(sees(plan_.standbyAlias));
  attach("host1", originalVf());
  EXPECT_TRUE(eventually(10s, [&] { return sees(plan_.alias); }));
}

TEST_F(LibvirtAdapter, MigratesThereAbortsAndMigratesBackWithoutItsProcess) {
  detach("host1");
  const PciAddress targetVf = freeVf("host2");
  const auto started =
      hypervisor_->startMigration("host1", request("host1", "host2", targetVf, 16));
  ASSERT_TRUE(started) << started.error().message;
  const auto second = hypervisor_->startMigration("host1", request("host1", "host2", targetVf, 16));
  ASSERT_FALSE(second) << "one at a time";
  EXPECT_EQ(second.error().kind, ErrorKind::AlreadyExists);
  ASSERT_TRUE(eventually(60s, [&] { return copying("host1"); }));
  const auto incoming = hypervisor_->domain("host2", uuid_);
  ASSERT_TRUE(incoming) << incoming.error().message;
  EXPECT_EQ(incoming->state, DomainState::Paused);
  EXPECT_EQ(incoming->pausedReason, PausedReason::Migration);
  const auto onTarget = hypervisor_->jobProgress("host2", uuid_);
  ASSERT_TRUE(onTarget) << onTarget.error().message;
  EXPECT_TRUE(onTarget->active);

  ASSERT_TRUE(
      eventually(120s, [&] { return !hypervisor_->migrationOutcome("host1", uuid_)->running; }));
  const auto outcome = hypervisor_->migrationOutcome("host1", uuid_);
  ASSERT_FALSE(outcome->error) << outcome->error->message;
  hypervisor_->forgetMigration("host1", uuid_);
  EXPECT_FALSE(hypervisor_->migrationOutcome("host1", uuid_));
  expectArrived("host1", "host2");
  const auto completed = hypervisor_->jobProgress("host2", uuid_);
  ASSERT_TRUE(completed) << completed.error().message;
  ASSERT_TRUE(completed->downtimeMilliseconds);
  EXPECT_GT(*completed->downtimeMilliseconds, 0);
  attach("host2", targetVf);
  const auto definition = domain::parseDomain(domainOn("host2").persistentXml);
  ASSERT_EQ(definition->passthroughNics().size(), 1u);
  EXPECT_EQ(definition->passthroughNics()[0].source, targetVf);

  detach("host2");
  ASSERT_TRUE(hypervisor_->startMigration("host2", request("host2", "host1", originalVf(), 1)));
  ASSERT_TRUE(eventually(60s, [&] { return copying("host2"); }));
  const auto aborted = hypervisor_->abortJob("host2", uuid_);
  ASSERT_TRUE(aborted) << aborted.error().message;
  ASSERT_TRUE(
      eventually(30s, [&] { return !hypervisor_->migrationOutcome("host2", uuid_)->running; }));
  const auto cancelled = hypervisor_->migrationOutcome("host2", uuid_);
  ASSERT_TRUE(cancelled->error);
  EXPECT_EQ(cancelled->error->kind, ErrorKind::Cancelled) << cancelled->error->message;
  EXPECT_EQ(domainOn("host2").state, DomainState::Running);
  ASSERT_TRUE(eventually(10s, [&] { return !hypervisor_->domain("host1", uuid_); }));
  EXPECT_TRUE(hypervisor_->abortJob("host2", uuid_)) << "no job is no error";

  ASSERT_TRUE(hypervisor_->startMigration("host2", request("host2", "host1", originalVf(), 8)));
  ASSERT_TRUE(eventually(60s, [&] { return copying("host2"); }));
  const auto before = std::chrono::steady_clock::now();
  hypervisor_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - before, 2s) << "nobody waits for a migration";
  connect();
  EXPECT_FALSE(hypervisor_->migrationOutcome("host2", uuid_)) << "a new process knows nothing";
  expectArrived("host2", "host1");
  attach("host1", originalVf());
}

TEST_F(LibvirtAdapter, AHostThatGoesAwayIsUnknownAndComesBack) {
  TcpRelay relay("host1", 16514);
  LibvirtOptions options;
  options.keepAliveSeconds = 1;
  options.queryTimeout = 2s;
  options.snapshotTimeout = 2s;
  options.reconnectCap = 2s;
  options.connectTimeout = 3s;
  LibvirtHypervisor hypervisor{Logger(), options};
  Events events;
  hypervisor.setEventHandler([&](const HypervisorEvent& event) { events.note(event); });
  const std::string query = uri_["host1"].substr(uri_["host1"].find('?') + 1);
  hypervisor.setHost("away",
                     "qemu+tls://127.0.0.1:" + std::to_string(relay.port()) + "/system?" + query);
  const auto reachable = [&] { return hypervisor.domain("away", uuid_).has_value(); };
  ASSERT_TRUE(eventually(30s, reachable)) << hypervisor.domain("away", uuid_).error().message;

  relay.stall();  // packets vanish, nobody says so
  const auto asked = std::chrono::steady_clock::now();
  // With more than one call under way libvirt calls nobody back when it gives the connection up.
  auto other = std::async(std::launch::async, [&] { return hypervisor.domain("away", uuid_); });
  const auto silent = hypervisor.domain("away", uuid_);
  EXPECT_FALSE(other.get());
  EXPECT_LT(std::chrono::steady_clock::now() - asked, 3s) << "a call must end in time";
  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().kind, ErrorKind::Transient) << silent.error().message;
  EXPECT_TRUE(events.seen("away", "disconnected"));
  const auto unknown = hypervisor.domain("away", uuid_);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kind, ErrorKind::Transient) << unknown.error().message;

  relay.resume();
  EXPECT_TRUE(eventually(30s, reachable)) << hypervisor.domain("away", uuid_).error().message;

  events.clear();
  relay.cut();  // a reset, as of a daemon that died
  EXPECT_TRUE(events.seen("away", "disconnected"));
  EXPECT_TRUE(eventually(30s, reachable)) << hypervisor.domain("away", uuid_).error().message;
}

}  // namespace
}  // namespace vnic::hypervisor
