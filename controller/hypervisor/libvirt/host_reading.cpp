// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/libvirt/host_reading.h"

#include <libvirt/virterror.h>

#include <algorithm>
#include <pugixml.hpp>
#include <set>
#include <utility>

#include "hypervisor/libvirt/errors.h"
#include "hypervisor/libvirt/node_devices.h"

namespace vnic::hypervisor {
namespace {

Version versionOf(unsigned long encoded) {
  return {static_cast<int>(encoded / 1000000), static_cast<int>(encoded / 1000 % 1000),
          static_cast<int>(encoded % 1000)};
}

// Something that was listed and is gone before it is read; the next reading will not list it.
bool vanished() {
  const int code = virGetLastErrorCode();
  return code == VIR_ERR_NO_DOMAIN || code == VIR_ERR_NO_NODE_DEVICE || code == VIR_ERR_NO_NETWORK;
}

DomainState stateOf(int state, int reason) {
  switch (state) {
    case VIR_DOMAIN_RUNNING:
    case VIR_DOMAIN_BLOCKED:
      return DomainState::Running;
    case VIR_DOMAIN_PAUSED:
      return DomainState::Paused;
    case VIR_DOMAIN_SHUTOFF:
      return reason == VIR_DOMAIN_SHUTOFF_CRASHED ? DomainState::Crashed : DomainState::ShutOff;
    default:
      return DomainState::Other;
  }
}

PausedReason pausedReasonOf(int state, int reason) {
  if (state != VIR_DOMAIN_PAUSED) return PausedReason::None;
  if (reason == VIR_DOMAIN_PAUSED_MIGRATION) return PausedReason::Migration;
  if (reason == VIR_DOMAIN_PAUSED_STARTING_UP) return PausedReason::StartingUp;
  return PausedReason::Other;
}

std::string uuidOf(virDomainPtr domain) {
  char uuid[VIR_UUID_STRING_BUFLEN] = "";
  virDomainGetUUIDString(domain, uuid);
  return uuid;
}

Result<std::vector<DomainHandle>> listDomains(virConnectPtr connection, unsigned flags) {
  virDomainPtr* array = nullptr;
  const int count = virConnectListAllDomains(connection, &array, flags);
  if (count < 0) return failLast("list domains");
  return takeAll<DomainHandle>(array, count);
}

Result<std::set<std::string>> uuidsWith(virConnectPtr connection, unsigned flags) {
  const auto domains = listDomains(connection, flags);
  if (!domains) return fail(domains.error());
  std::set<std::string> uuids;
  for (const DomainHandle& domain : *domains) uuids.insert(uuidOf(domain.get()));
  return uuids;
}

Status readDefinitions(virDomainPtr domain, unsigned flags, Domain& result) {
  const bool active = result.state != DomainState::ShutOff && result.state != DomainState::Crashed;
  if (active) {
    result.liveXml = take(virDomainGetXMLDesc(domain, flags));
    if (result.liveXml.empty()) return failLast("read the live definition of " + result.name);
  }
  if (result.persistent) {
    result.persistentXml = take(virDomainGetXMLDesc(domain, flags | VIR_DOMAIN_XML_INACTIVE));
    if (result.persistentXml.empty()) return failLast("read the definition of " + result.name);
  }
  return {};
}

Result<std::vector<NodeDevice>> readNodeDevices(virConnectPtr connection, SnapshotCache& cache) {
  virNodeDevicePtr* array = nullptr;
  const int count = virConnectListAllNodeDevices(
      connection, &array,
      VIR_CONNECT_LIST_NODE_DEVICES_CAP_PCI_DEV | VIR_CONNECT_LIST_NODE_DEVICES_CAP_NET);
  if (count < 0) return failLast("list devices");
  std::vector<NodeDevice> devices;
  for (const NodeDeviceHandle& handle : takeAll<NodeDeviceHandle>(array, count)) {
    if (cache.irrelevant(virNodeDeviceGetName(handle.get()))) continue;
    const std::string xml = take(virNodeDeviceGetXMLDesc(handle.get(), 0));
    if (xml.empty()) {
      if (vanished()) continue;
      return failLast("read a device");
    }
    auto device = parseNodeDevice(xml);
    if (!device) return fail(device.error());
    devices.push_back(std::move(*device));
  }
  for (const std::string& name : irrelevantOf(devices)) cache.setIrrelevant(name);
  return devices;
}

Result<std::vector<Network>> readNetworks(virConnectPtr connection) {
  virNetworkPtr* array = nullptr;
  const int count = virConnectListAllNetworks(connection, &array, 0);
  if (count < 0) return failLast("list networks");
  std::vector<Network> networks;
  for (const NetworkHandle& handle : takeAll<NetworkHandle>(array, count)) {
    Network network;
    network.name = virNetworkGetName(handle.get());
    const int active = virNetworkIsActive(handle.get());
    const std::string xml = take(virNetworkGetXMLDesc(handle.get(), 0));
    if (active < 0 || xml.empty()) {
      if (vanished()) continue;
      return failLast("read network " + network.name);
    }
    network.active = active == 1;
    pugi::xml_document document;
    document.load_buffer(xml.data(), xml.size());
    network.bridge = document.document_element().child("bridge").attribute("name").value();
    networks.push_back(std::move(network));
  }
  return networks;
}

// libvirt says in its domain capabilities whether it can use VFIO. Where QEMU cannot be asked,
// IOMMU groups have to do.
bool readVfio(virConnectPtr connection, bool iommu) {
  const std::string xml =
      take(virConnectGetDomainCapabilities(connection, nullptr, nullptr, nullptr, nullptr, 0));
  pugi::xml_document document;
  if (xml.empty() || !document.load_buffer(xml.data(), xml.size())) return iommu;
  const pugi::xml_node hostdev = document.document_element().child("devices").child("hostdev");
  const auto backends = hostdev.find_child_by_attribute("enum", "name", "pciBackend");
  if (!backends) return iommu;
  const auto values = backends.children("value");
  return std::any_of(values.begin(), values.end(), [](const pugi::xml_node& value) {
    return std::string_view(value.text().as_string()) == "vfio";
  });
}

}  // namespace

Result<DomainHandle> lookUp(virConnectPtr connection, const std::string& uuid) {
  DomainHandle domain(virDomainLookupByUUIDString(connection, uuid.c_str()));
  if (!domain) return failLast("look for the domain");
  return domain;
}

Result<std::vector<DomainSummary>> readDomains(virConnectPtr connection) {
  // Three calls however many domains there are.
  const auto persistent = uuidsWith(connection, VIR_CONNECT_LIST_DOMAINS_PERSISTENT);
  if (!persistent) return fail(persistent.error());
  const auto autostart = uuidsWith(connection, VIR_CONNECT_LIST_DOMAINS_AUTOSTART);
  if (!autostart) return fail(autostart.error());
  virDomainStatsRecordPtr* records = nullptr;
  const int count = virConnectGetAllDomainStats(connection, VIR_DOMAIN_STATS_STATE, &records, 0);
  if (count < 0) return failLast("read the states of domains");
  std::vector<DomainSummary> result;
  for (int i = 0; i < count; ++i) {
    DomainSummary domain;
    domain.uuid = uuidOf(records[i]->dom);
    domain.name = virDomainGetName(records[i]->dom);
    int state = 0, reason = 0;
    virTypedParamsGetInt(records[i]->params, records[i]->nparams, "state.state", &state);
    virTypedParamsGetInt(records[i]->params, records[i]->nparams, "state.reason", &reason);
    domain.state = stateOf(state, reason);
    domain.pausedReason = pausedReasonOf(state, reason);
    domain.persistent = persistent->contains(domain.uuid);
    domain.autostart = autostart->contains(domain.uuid);
    result.push_back(std::move(domain));
  }
  virDomainStatsRecordListFree(records);
  return result;
}

Result<Domain> readDomain(virConnectPtr connection, const std::string& uuid) {
  const auto handle = lookUp(connection, uuid);
  if (!handle) return fail(handle.error());
  virDomain* const domain = handle->get();
  Domain result;
  result.uuid = uuidOf(domain);
  result.name = virDomainGetName(domain);
  int state = 0, reason = 0;
  if (virDomainGetState(domain, &state, &reason, 0) < 0) return failLast("read the domain's state");
  result.state = stateOf(state, reason);
  result.pausedReason = pausedReasonOf(state, reason);
  const int persistent = virDomainIsPersistent(domain);
  if (persistent < 0) return failLast("read the domain");
  result.persistent = persistent == 1;
  if (result.persistent) {
    int autostart = 0;
    if (virDomainGetAutostart(domain, &autostart) < 0) return failLast("read autostart");
    result.autostart = autostart == 1;
  }
  if (const auto read = readDefinitions(domain, VIR_DOMAIN_XML_SECURE, result); !read) {
    return fail(read.error());
  }
  if (!result.liveXml.empty()) {
    result.migratableXml =
        take(virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_SECURE | VIR_DOMAIN_XML_MIGRATABLE));
    if (result.migratableXml.empty()) return failLast("read the migratable definition");
  }
  return result;
}

Result<HostSnapshot> readSnapshot(virConnectPtr connection, SnapshotCache& cache) {
  cache.forgetIfOld(std::chrono::steady_clock::now());
  HostSnapshot snapshot;
  unsigned long libvirt = 0, qemu = 0;
  if (virConnectGetLibVersion(connection, &libvirt) < 0) return failLast("read libvirt's version");
  if (virConnectGetVersion(connection, &qemu) < 0) return failLast("read QEMU's version");
  snapshot.libvirt = versionOf(libvirt);
  snapshot.qemu = versionOf(qemu);

  const auto devices = readNodeDevices(connection, cache);
  if (!devices) return fail(devices.error());
  snapshot.physicalFunctions = physicalFunctionsOf(*devices);
  if (anyInIommuGroup(*devices)) cache.setIommu();
  snapshot.iommu = cache.iommu();
  const auto knownVfio = cache.vfio();
  snapshot.vfio = knownVfio ? *knownVfio : readVfio(connection, snapshot.iommu);
  cache.setVfio(snapshot.vfio);

  auto networks = readNetworks(connection);
  if (!networks) return fail(networks.error());
  snapshot.networks = std::move(*networks);

  const auto domains = readDomains(connection);
  if (!domains) return fail(domains.error());
  for (const DomainSummary& summary : *domains) {
    Domain domain;
    static_cast<DomainSummary&>(domain) = summary;
    const auto handle = lookUp(connection, summary.uuid);
    const Status read =
        handle ? readDefinitions(handle->get(), 0, domain) : Status(fail(handle.error()));
    if (!read) {
      if (read.error().kind == ErrorKind::NotFound) continue;  // gone since it was listed
      return fail(read.error());
    }
    snapshot.domains.push_back(std::move(domain));
  }
  return snapshot;
}

}  // namespace vnic::hypervisor
