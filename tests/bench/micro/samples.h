// SPDX-License-Identifier: Apache-2.0
// Objects as they are in the middle of a run.
#pragma once

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "api/names.h"
#include "api/vf_reservation.h"
#include "bench/world.h"
#include "kube/typed.h"

namespace vnic::bench {

template <class T>
std::string watchLine(const char* type, const T& object) {
  nlohmann::json body = kube::objectFrame(T::resource, object.metadata.key());
  body["metadata"].update(toJson(object.metadata));
  body["spec"] = toJson(object.spec);
  body["status"] = toJson(object.status);
  return nlohmann::json{{"type", type}, {"object", std::move(body)}}.dump();
}

inline api::ObjectMeta metaOf(const std::string& ns, const std::string& name, int number) {
  api::ObjectMeta meta;
  meta.ns = ns;
  meta.name = name;
  meta.uid = fmt::format("33333333-3333-3333-3333-{:012}", number);
  meta.resourceVersion = std::to_string(1000 + number);
  meta.generation = 1;
  meta.creationTimestamp = "2026-01-01T00:00:00Z";
  meta.finalizers = {api::kFinalizer};
  return meta;
}

inline api::VfReservation reservation(int vm, int host) {
  api::VfReservation r;
  const std::string vf = vfAddress(vm % 128);
  r.metadata = metaOf("", api::VfReservation::nameFor(hostName(host), vf), vm);
  r.spec.hostName = hostName(host);
  r.spec.address = vf;
  r.spec.holder = {kNamespace, vmName(vm) + "-blue", fmt::format("holder-{}", vm)};
  r.spec.vmUUID = vmUuid(vm);
  r.spec.device.macAddress = macOf(vm);
  r.spec.device.alias = "ua-vf";
  r.spec.device.standbyAlias = "ua-standby";
  r.spec.device.guestAddress = "0000:03:00.0";
  return r;
}

inline api::VmMigration migrationUnderway() {
  api::VmMigration m;
  m.metadata = metaOf(kNamespace, "move", 0);
  m.spec.vmName = vmName(0);
  api::VmMigrationStatus& status = m.status;
  status.observedGeneration = 1;
  status.phase = "Migrating";
  status.sourceHost = hostName(0);
  status.targetHost = hostName(1);
  status.vmUUID = vmUuid(0);
  status.attempts = 1;
  status.attempt.emplace().number = 1;
  api::NicMigrationStatus& nic = status.nics.emplace_back();
  nic.vnic = "vm00000-blue";
  nic.mac = macOf(0);
  nic.profile = "blue";
  nic.sourceVf = vfAddress(0);
  nic.targetVf = vfAddress(1);
  nic.state = "Detached";
  status.progress = api::MigrationProgress{50, 1 << 30, 1 << 29, 1 << 29, 2};
  for (const char* phase : {"Pending", "Reserving", "Detaching", "Migrating"}) {
    status.phaseTimestamps.push_back({phase, "2026-01-01T00:00:00.000000Z"});
  }
  for (const char* type : {"Ready", "Succeeded", "VfsReserved", "VfsDetached", "Migrated"}) {
    status.conditions.push_back({type, api::ConditionStatus::False, 1, "2026-01-01T00:00:00Z",
                                 "Copying", "memory is being copied"});
  }
  return m;
}

inline api::VmHost hostWithStatus(int vfs) {
  api::VmHost host;
  host.metadata = metaOf("", hostName(0), 0);
  host.spec = hostSpec(0);
  api::PhysicalFunctionStatus pf{"enp1s0", "0000:01:00.0", true, {"tenant-blue"}, {}};
  for (int i = 0; i < vfs; ++i) {
    pf.virtualFunctions.push_back(
        {vfAddress(i), "InUse", fmt::format("vnic bench/vm{:05}-blue", i)});
  }
  host.status.physicalFunctions = {pf};
  host.status.virtualFunctions = {vfs, 0, 0, vfs, 0};
  return host;
}

}  // namespace vnic::bench
