// SPDX-License-Identifier: Apache-2.0
// The libvirt adapter on two real hosts and a real guest with one failover VF. From the
// environment:
//   VNIC_LAB_HOST1_URI, VNIC_LAB_HOST2_URI            how this machine reaches them
//   VNIC_LAB_HOST1_PEER_URI, VNIC_LAB_HOST2_PEER_URI  how they reach each other
//   VNIC_LAB_DOMAIN                                   name of the guest, running on host1 with its
//   VF
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <thread>

#include "domain/domain_xml.h"
#include "hypervisor/error_code.h"
#include "hypervisor/libvirt/libvirt_hypervisor.h"
#include "lab/tcp_relay.h"

namespace vnic::hypervisor {
namespace {

using namespace std::chrono_literals;

std::string fromEnvironment(const char* name) {
  const char* value = std::getenv(name);
  if (!value || !*value) throw std::runtime_error(std::string(name) + " must be set");
  return value;
}

bool eventually(Duration timeout, const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (std::chrono::steady_clock::now() < deadline) {
    if (condition()) return true;
    std::this_thread::sleep_for(100ms);
  }
  return condition();
}

class Events {
 public:
  void note(const HypervisorEvent& event) {
    const std::lock_guard lock(mutex_);
    events_.push_back(event);
    changed_.notify_all();
  }
  bool seen(const std::string& host, const std::string& what) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 10s, [&] {
      for (const auto& event : events_) {
        if (event.host == host && event.what == what) return true;
      }
      return false;
    });
  }
  void clear() {
    const std::lock_guard lock(mutex_);
    events_.clear();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<HypervisorEvent> events_;
};

class LibvirtAdapter : public testing::Test {
 protected:
  void SetUp() override {
    for (const std::string host : {"host1", "host2"}) {
      const std::string prefix = host == "host1" ? "VNIC_LAB_HOST1" : "VNIC_LAB_HOST2";
      uri_[host] = fromEnvironment((prefix + "_URI").c_str());
      peer_[host] = fromEnvironment((prefix + "_PEER_URI").c_str());
    }
    connect();
    for (const auto& domain : snapshotOf("host1").domains) {
      if (domain.name == fromEnvironment("VNIC_LAB_DOMAIN")) uuid_ = domain.uuid;
    }
    ASSERT_NE(uuid_, "") << "the guest must be on host1";
    const auto nics = describe("host1").passthroughNics();
    ASSERT_EQ(nics.size(), 1u) << "the guest must have its VF";
    plan_ = domain::planOf(nics[0]);
    events_.clear();
  }

  void connect() {
    hypervisor_ = std::make_unique<LibvirtHypervisor>(Logger());
    hypervisor_->setEventHandler([this](const HypervisorEvent& event) { events_.note(event); });
    for (const auto& [host, uri] : uri_) hypervisor_->setHost(host, uri);
    for (const auto& [host, uri] : uri_) {
      ASSERT_TRUE(eventually(30s, [&, name = host] { return snapshot(name).has_value(); }))
          << snapshot(host).error().message;
    }
  }

  Result<HostSnapshot> snapshot(const std::string& host) { return hypervisor_->snapshot(host); }

  HostSnapshot snapshotOf(const std::string& host) {
    auto read = snapshot(host);
    if (!read) ADD_FAILURE() << read.error().message;
    return read ? *read : HostSnapshot{};
  }

  Domain domainOn(const std::string& host) {
    auto read = hypervisor_->domain(host, uuid_);
    if (!read) ADD_FAILURE() << read.error().message;
    return read ? *read : Domain{};
  }

  domain::DomainDescription describe(const std::string& host) {
    auto described = domain::parseDomain(domainOn(host).liveXml);
    if (!described) ADD_FAILURE() << described.error().message;
    return described ? *described : domain::DomainDescription{};
  }

  std::string vfXml(const PciAddress& vf) { return *domain::vfDeviceXml(plan_, vf); }

  PciAddress originalVf() const { return *PciAddress::parse(plan_.originalVf); }

  PciAddress freeVf(const std::string& host) {
    for (const auto& pf : snapshotOf(host).physicalFunctions) {
      for (const auto& vf : pf.virtualFunctions) {
        if (pf.linkUp && vf.driver.empty() && vf.netdev.empty()) return vf.address;
      }
    }
    ADD_FAILURE() << "no free VF on " << host;
    return {};
  }

  void detach(const std::string& host) {
    const auto nics = describe(host).passthroughNics();
    ASSERT_EQ(nics.size(), 1u);
    const auto done =
        hypervisor_->detachDevice(host, uuid_, vfXml(nics[0].source), DeviceScope::Live);
    ASSERT_TRUE(done) << done.error().message;
    ASSERT_TRUE(eventually(30s, [&] { return describe(host).hostdevs.empty(); }));
  }

  void attach(const std::string& host, const PciAddress& vf) {
    const auto done = hypervisor_->attachDevice(host, uuid_, vfXml(vf), DeviceScope::Live);
    ASSERT_TRUE(done) << done.error().message;
    const auto nics = describe(host).passthroughNics();
    ASSERT_EQ(nics.size(), 1u);
    EXPECT_EQ(nics[0].source, vf);
    EXPECT_EQ(nics[0].mac, plan_.macAddress);
    EXPECT_EQ(nics[0].alias, plan_.alias);
    EXPECT_EQ(nics[0].standbyAlias, plan_.standbyAlias);
    EXPECT_EQ(nics[0].guestAddress->str(), plan_.guestAddress);
  }

  MigrationRequest request(const std::string& from, const std::string& to, const PciAddress& vf,
                           int bandwidth) {
    const Domain domain = domainOn(from);
    MigrationRequest result;
    result.uuid = uuid_;
    result.peerURI = peer_[to];
    result.destinationXml = *domain::destinationXml(domain.migratableXml, {});
    result.persistentXml = *domain::persistentDestinationXml(
        domain.persistentXml, {{{plan_.macAddress, plan_.alias, vf}}, {}});
    result.bandwidthMiBPerSecond = bandwidth;
    return result;
  }

  bool copying(const std::string& host) {
    const auto progress = hypervisor_->jobProgress(host, uuid_);
    return progress && progress->active && progress->dataProcessedBytes > 0;
  }

  // No outcome any more: the process that asked is another one.
  void expectArrived(const std::string& from, const std::string& to) {
    ASSERT_TRUE(eventually(120s, [&] {
      const auto there = hypervisor_->domain(to, uuid_);
      return there && there->state == DomainState::Running;
    }));
    ASSERT_TRUE(eventually(10s, [&] {
      const auto here = hypervisor_->domain(from, uuid_);
      return !here && here.error().kind == ErrorKind::NotFound;
    }));
  }

  std::map<std::string, std::string> uri_, peer_;
  std::string uuid_;
  api::DevicePlan plan_;
  Events events_;
  std::unique_ptr<LibvirtHypervisor> hypervisor_;
};

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
  hypervisor.setHost("away", "qemu+tls://127.0.0.1:" + std::to_string(relay.port()) +
                                 "/system?no_verify=1&" + query);
  const auto reachable = [&] { return hypervisor.domain("away", uuid_).has_value(); };
  ASSERT_TRUE(eventually(30s, reachable)) << hypervisor.domain("away", uuid_).error().message;

  relay.stall();  // packets vanish, nobody says so
  const auto asked = std::chrono::steady_clock::now();
  const auto silent = hypervisor.domain("away", uuid_);
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
