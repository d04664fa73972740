// SPDX-License-Identifier: Apache-2.0
// Whatever the API accepts, the XML that we make of it passes libvirt's schema.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <pugixml.hpp>
#include <random>
#include <sstream>

#include "domain/domain_xml.h"
#include "reconcile/vnic/virtio_xml.h"
#include "support/libvirt_schema.h"
#include "unit/domain/domain_xml_golden.h"

namespace vnic {
namespace {

constexpr int kDevices = 300;

// Values as the CRDs allow them (crds/*.yaml), the odd ones more often than people choose them.
class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  bool coin() { return below(2) == 0; }
  std::size_t below(std::size_t end) { return random_() % end; }

  std::string text(std::size_t maxLength, const std::string& first, const std::string& others) {
    std::string result(1, first[below(first.size())]);
    const std::size_t length = coin() ? maxLength : 1 + below(maxLength);
    while (result.size() < length) result += others[below(others.size())];
    return result;
  }
  std::string name(std::size_t maxLength) { return text(maxLength, kAlnum, kAlnum + "._-"); }
  std::string bridge() {
    const std::string chosen = text(15, kAlnum + "._-", kAlnum + "._-");
    return chosen == "." || chosen == ".." ? "br0" : chosen;
  }
  std::string mac() {
    std::string result;
    for (int i = 0; i < 6; ++i) {
      const char digits[] = "0123456789abcdef";
      result += (i > 0 ? ":" : "") + std::string(1, digits[below(16)]);
      result += i > 0 ? digits[below(16)] : "02468ace"[below(8)];
    }
    return result == "00:00:00:00:00:00" ? "52:54:00:00:00:01" : result;
  }
  PciAddress pci() {
    return {static_cast<std::uint16_t>(coin() ? 0 : below(0x10000)),
            static_cast<std::uint8_t>(1 + below(0xff)), static_cast<std::uint8_t>(below(0x20)),
            static_cast<std::uint8_t>(below(8))};
  }
  std::string uid() { return text(36, "0123456789abcdef", "0123456789abcdef-"); }
  std::optional<int> maybe(int low, int high) {
    if (coin()) return std::nullopt;
    return low + static_cast<int>(below(static_cast<std::size_t>(high - low + 1)));
  }

  api::VnicProfileSpec virtioProfile() {
    api::VnicProfileSpec spec;
    spec.network = name(63);
    if (coin()) spec.bridge = bridge();
    if (coin()) spec.networkFilter = text(63, "ABZabz_", kAlnum + "._-");
    spec.mtu = maybe(68, 65535);
    spec.vlan = maybe(1, 4094);
    return spec;
  }
  api::DevicePlan plan() {
    api::DevicePlan plan;
    plan.macAddress = mac();
    if (coin()) plan.alias = "ua-" + uid();
    if (coin()) plan.standbyAlias = "ua-" + uid() + "-standby";
    if (coin()) plan.guestAddress = PciAddress{0, pci().bus, pci().slot, 0}.str();
    plan.vlan = maybe(1, 4094);
    plan.managed = coin();
    return plan;
  }

 private:
  const std::string kAlnum = "ABCXYZabcxyz0189";
  std::mt19937_64 random_;
};

// The golden texts are of libvirt 11.3; the schema of Debian's 9.0 has no such watchdog yet.
std::string withoutItcoWatchdog(const std::string& xml) {
  pugi::xml_document document;
  document.load_string(xml.c_str(), pugi::parse_full);
  pugi::xml_node devices = document.document_element().child("devices");
  while (const auto watchdog = devices.find_child_by_attribute("watchdog", "model", "itco")) {
    devices.remove_child(watchdog);
  }
  std::ostringstream out;
  document.print(out);
  return out.str();
}

std::optional<std::string> definitionError(const std::string& xml) {
  return test::schemaError(withoutItcoWatchdog(xml));
}

class LibvirtSchema : public ::testing::Test {
 protected:
  LibvirtSchema() {
    // A failure names the seed; VNIC_SEED repeats it.
    const char* given = std::getenv("VNIC_SEED");
    seed = given != nullptr ? std::stoull(given) : std::random_device{}();
    generator = std::make_unique<Generator>(seed);
  }
  ~LibvirtSchema() override {
    if (HasFailure()) std::cerr << "VNIC_SEED=" << seed << '\n';
  }
  std::uint64_t seed = 0;
  std::unique_ptr<Generator> generator;
};

TEST_F(LibvirtSchema, CanRefuse) {
  EXPECT_TRUE(test::deviceSchemaError({"<interface type='network'/>"}));
  EXPECT_TRUE(test::deviceSchemaError(
      {reconcile::vnic::virtioDeviceXml(generator->virtioProfile(), "no MAC", "ua-1", false)}));
}

TEST_F(LibvirtSchema, TakesEveryVirtioNicThatAProfileMayAskFor) {
  std::vector<std::string> devices;
  for (int i = 0; i < kDevices; ++i) {
    const auto spec = generator->virtioProfile();
    const bool standby = generator->coin();
    devices.push_back(reconcile::vnic::virtioDeviceXml(
        spec, generator->mac(), "ua-" + generator->uid() + (standby ? "-standby" : ""), standby));
  }
  EXPECT_EQ(test::deviceSchemaError(devices), std::nullopt);
}

TEST_F(LibvirtSchema, TakesEveryVfThatAReservationMayDescribe) {
  std::vector<std::string> devices;
  for (int i = 0; i < kDevices; ++i) {
    const auto xml = domain::vfDeviceXml(generator->plan(), generator->pci());
    ASSERT_TRUE(xml) << xml.error().message;
    devices.push_back(*xml);
  }
  EXPECT_EQ(test::deviceSchemaError(devices), std::nullopt);
}

TEST_F(LibvirtSchema, TakesTheNamingOfANicThatIsThere) {
  std::vector<std::string> devices;
  for (const char* file :
       {"failover-live.xml", "failover-persistent.xml", "pair2-persistent.xml"}) {
    const auto domain = domain::parseDomain(golden(file));
    ASSERT_TRUE(domain) << domain.error().message;
    for (const auto& nic : domain->virtualNics) {
      devices.push_back(reconcile::vnic::virtioDeviceXml(nic));
    }
  }
  ASSERT_FALSE(devices.empty());
  EXPECT_EQ(test::deviceSchemaError(devices), std::nullopt);
}

TEST_F(LibvirtSchema, TakesDefinitionsRewrittenForAnotherHost) {
  for (const char* file : {"failover-live.xml", "failover-migratable.xml",
                           "failover-persistent.xml", "pair2-persistent.xml"}) {
    const std::string xml = golden(file);
    ASSERT_EQ(definitionError(xml), std::nullopt) << file << " is libvirt's own";
    const auto domain = domain::parseDomain(xml);
    ASSERT_TRUE(domain) << domain.error().message;
    for (int i = 0; i < 3; ++i) {
      domain::HostSideChanges changes;
      for (const auto& nic : domain->passthroughNics()) {
        changes.vfs.push_back({nic.mac, nic.alias, generator->pci()});
      }
      for (const auto& nic : domain->virtualNics) {
        const bool bridged = generator->coin();
        changes.networks.push_back({nic.mac, nic.alias, bridged ? "" : generator->name(63),
                                    bridged ? generator->bridge() : ""});
      }
      const auto live = domain::destinationXml(xml, changes);
      const auto persistent = domain::persistentDestinationXml(xml, changes);
      ASSERT_TRUE(live) << live.error().message;
      ASSERT_TRUE(persistent) << persistent.error().message;
      EXPECT_EQ(definitionError(*live), std::nullopt) << *live;
      EXPECT_EQ(definitionError(*persistent), std::nullopt) << *persistent;
    }
  }
}

}  // namespace
}  // namespace vnic
