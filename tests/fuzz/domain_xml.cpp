// SPDX-License-Identifier: Apache-2.0
// Domain XML as a host may send it: read, and rewritten for another host.
#include "domain/domain_xml.h"

#include "fuzz/fuzz.h"

using namespace vnic;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto xml = fuzz::text(data, size);
  const auto domain = domain::parseDomain(xml);
  if (!domain) {
    fuzz::require(domain.error().kind == ErrorKind::Invalid, "bad XML is Invalid");
    fuzz::require(!domain.error().message.empty(), "the error says what is wrong");
    return 0;
  }
  domain::HostSideChanges changes;
  const PciAddress target{0, 0x7f, 0x1f, 7};
  for (const auto& nic : domain->passthroughNics()) {
    const auto device = domain::vfDeviceXml(domain::planOf(nic), target);
    fuzz::require(device.has_value(), "what was read can be plugged in again");
    changes.vfs.push_back({nic.mac, nic.alias, target});
  }
  const auto rewritten = domain::destinationXml(xml, changes);
  if (!rewritten) return 0;  // two NICs that nothing tells apart
  const auto again = domain::parseDomain(*rewritten);
  fuzz::require(again.has_value(), "what we write can be read");
  fuzz::require(again->name == domain->name && again->uuid == domain->uuid, "it is the same VM");
  fuzz::require(again->hostdevs.size() == domain->hostdevs.size(), "with as many devices");
  fuzz::require(again->virtualNics.size() == domain->virtualNics.size(), "and NICs");
  for (std::size_t i = 0; i < again->hostdevs.size(); ++i) {
    const auto& before = domain->hostdevs[i];
    const auto& after = again->hostdevs[i];
    fuzz::require(after.source == (before.isInterface ? target : before.source),
                  "every VF is the target's, and nothing else is");
    fuzz::require(after.mac == before.mac && after.alias == before.alias &&
                      after.guestAddress == before.guestAddress && after.vlan == before.vlan,
                  "the guest's side stays as it was");
  }
  return 0;
}
