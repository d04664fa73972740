// SPDX-License-Identifier: Apache-2.0
// Two real hosts and a guest. From the environment:
//   VNIC_LAB_HOST1_URI, VNIC_LAB_HOST2_URI            how this machine reaches them
//   VNIC_LAB_HOST1_PEER_URI, VNIC_LAB_HOST2_PEER_URI  how they reach each other
//   VNIC_LAB_DOMAIN                                   name of the guest, running on host1 with its
//   VF
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "domain/domain_xml.h"
#include "hypervisor/libvirt/libvirt_hypervisor.h"
#include "support/eventually.h"

namespace vnic::hypervisor {

using namespace std::chrono_literals;

inline std::string fromEnvironment(const char* name) {
  const char* value = std::getenv(name);
  if (!value || !*value) throw std::runtime_error(std::string(name) + " must be set");
  return value;
}

inline bool eventually(Duration timeout, const std::function<bool()>& condition) {
  return test::eventually(timeout, condition, 100ms);
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

}  // namespace vnic::hypervisor
