// SPDX-License-Identifier: Apache-2.0
#include "api/vm_host.h"

#include "api/decode.h"
#include "api/encode.h"

namespace vnic::api {
namespace {

void readHostSpec(FieldReader& reader, VmHostSpec& spec) {
  reader.read("libvirtURI", spec.libvirtURI);
  reader.read("peerURI", spec.peerURI);
  reader.read("migrationAddress", spec.migrationAddress);
  reader.read("nodeName", spec.nodeName);
  reader.list("physicalFunctions", spec.physicalFunctions,
              [](FieldReader& item, PhysicalFunctionSpec& pf) {
                item.read("device", pf.device);
                item.read("networks", pf.networks);
              });
  reader.read("availability", spec.availability);
  FieldReader limits = reader.object("limits");
  limits.read("inboundMigrations", spec.limits.inboundMigrations);
  limits.read("outboundMigrations", spec.limits.outboundMigrations);
}

void readPhysicalFunction(FieldReader& reader, PhysicalFunctionStatus& pf) {
  reader.read("device", pf.device);
  reader.read("address", pf.address);
  reader.read("linkUp", pf.linkUp);
  reader.read("networks", pf.networks);
  reader.list("virtualFunctions", pf.virtualFunctions,
              [](FieldReader& item, VirtualFunctionStatus& vf) {
                item.read("address", vf.address);
                item.read("state", vf.state);
                item.read("holder", vf.holder);
              });
}

void readAgent(FieldReader& reader, AgentFacts& facts) {
  reader.read("version", facts.version);
  reader.list("bridges", facts.bridges, [](FieldReader& item, BridgeFacts& bridge) {
    item.read("name", bridge.name);
    item.read("uplink", bridge.uplink);
    item.read("mtu", bridge.mtu);
    item.read("linkUp", bridge.linkUp);
  });
  reader.list("hostVirtualFunctions", facts.hostVirtualFunctions,
              [](FieldReader& item, HostVirtualFunction& vf) {
                item.read("address", vf.address);
                item.read("reason", vf.reason);
              });
}

void readHostStatus(FieldReader& reader, VmHostStatus& status) {
  reader.read("libvirtVersion", status.libvirtVersion);
  reader.read("qemuVersion", status.qemuVersion);
  reader.read("vmCount", status.vmCount);
  reader.list("virtualMachines", status.virtualMachines,
              [](FieldReader& item, VirtualMachineStatus& vm) {
                item.read("namespace", vm.ns);
                item.read("name", vm.name);
                item.read("uuid", vm.uuid);
                item.read("state", vm.state);
                item.read("migratable", vm.migratable);
                item.read("reason", vm.reason);
              });
  FieldReader totals = reader.object("virtualFunctions");
  totals.read("total", status.virtualFunctions.total);
  totals.read("free", status.virtualFunctions.free);
  totals.read("reserved", status.virtualFunctions.reserved);
  totals.read("inUse", status.virtualFunctions.inUse);
  totals.read("unavailable", status.virtualFunctions.unavailable);
  reader.list("physicalFunctions", status.physicalFunctions, readPhysicalFunction);
  if (FieldReader agent = reader.object("agent"); agent.present()) {
    readAgent(agent, status.agent.emplace());
  }
}

nlohmann::json toJson(const VirtualMachineStatus& vm) {
  nlohmann::json json{
      {"name", vm.name}, {"uuid", vm.uuid}, {"state", vm.state}, {"migratable", vm.migratable}};
  put(json, "namespace", vm.ns);
  put(json, "reason", vm.reason);
  return json;
}

nlohmann::json toJson(const PhysicalFunctionStatus& pf) {
  nlohmann::json json{{"linkUp", pf.linkUp}};
  put(json, "device", pf.device);
  put(json, "address", pf.address);
  put(json, "networks", pf.networks);
  putList(json, "virtualFunctions", pf.virtualFunctions, [](const VirtualFunctionStatus& vf) {
    nlohmann::json item{{"address", vf.address}, {"state", vf.state}};
    put(item, "holder", vf.holder);
    return item;
  });
  return json;
}

}  // namespace

Result<VmHost> VmHost::decode(simdjson::dom::element object) {
  return decodeObject<VmHost>(object, readHostSpec, readHostStatus);
}

nlohmann::json toJson(const VmHostSpec& spec) {
  nlohmann::json json{{"libvirtURI", spec.libvirtURI},
                      {"availability", spec.availability},
                      {"limits",
                       {{"inboundMigrations", spec.limits.inboundMigrations},
                        {"outboundMigrations", spec.limits.outboundMigrations}}}};
  put(json, "peerURI", spec.peerURI);
  put(json, "migrationAddress", spec.migrationAddress);
  put(json, "nodeName", spec.nodeName);
  putList(json, "physicalFunctions", spec.physicalFunctions, [](const PhysicalFunctionSpec& pf) {
    return nlohmann::json{{"device", pf.device}, {"networks", pf.networks}};
  });
  return json;
}

nlohmann::json toJson(const VmHostStatus& status) {
  nlohmann::json json{{"observedGeneration", status.observedGeneration},
                      {"conditions", toJson(status.conditions)},
                      {"vmCount", status.vmCount},
                      {"virtualFunctions",
                       {{"total", status.virtualFunctions.total},
                        {"free", status.virtualFunctions.free},
                        {"reserved", status.virtualFunctions.reserved},
                        {"inUse", status.virtualFunctions.inUse},
                        {"unavailable", status.virtualFunctions.unavailable}}}};
  put(json, "libvirtVersion", status.libvirtVersion);
  put(json, "qemuVersion", status.qemuVersion);
  putList(json, "virtualMachines", status.virtualMachines,
          [](const VirtualMachineStatus& vm) { return toJson(vm); });
  putList(json, "physicalFunctions", status.physicalFunctions,
          [](const PhysicalFunctionStatus& pf) { return toJson(pf); });
  return json;
}

nlohmann::json toJson(const AgentFacts& facts) {
  nlohmann::json json{{"version", facts.version}};
  putList(json, "bridges", facts.bridges, [](const BridgeFacts& bridge) {
    nlohmann::json item{{"name", bridge.name}, {"mtu", bridge.mtu}, {"linkUp", bridge.linkUp}};
    put(item, "uplink", bridge.uplink);
    return item;
  });
  putList(json, "hostVirtualFunctions", facts.hostVirtualFunctions,
          [](const HostVirtualFunction& vf) {
            return nlohmann::json{{"address", vf.address}, {"reason", vf.reason}};
          });
  return json;
}

}  // namespace vnic::api
