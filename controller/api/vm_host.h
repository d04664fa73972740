// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <simdjson.h>
#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

#include "api/condition.h"
#include "api/meta.h"
#include "support/error.h"

namespace vnic::api {

struct PhysicalFunctionSpec {
  std::string device;                 // netdev name or PCI address
  std::vector<std::string> networks;  // {"*"} = any
  bool operator==(const PhysicalFunctionSpec&) const = default;
};

struct HostLimits {
  int inboundMigrations = 2;
  int outboundMigrations = 2;
  bool operator==(const HostLimits&) const = default;
};

struct VmHostSpec {
  std::string libvirtURI;
  std::string peerURI;           // "" = libvirtURI without its query (client-side parameters)
  std::string migrationAddress;  // "" = libvirt decides
  std::string nodeName;
  std::vector<PhysicalFunctionSpec> physicalFunctions;
  std::string availability = "Enabled";  // Enabled | NoInbound | OutOfService
  HostLimits limits;
  bool operator==(const VmHostSpec&) const = default;
};

struct VirtualMachineStatus {
  std::string ns;  // "namespace"
  std::string name;
  std::string uuid;
  std::string state;  // Running | Paused | ShutOff | Crashed | Other
  bool migratable = false;
  std::string reason;  // why it is not migratable
  bool operator==(const VirtualMachineStatus&) const = default;
};

struct VirtualFunctionStatus {
  std::string address;  // 0000:01:10.4
  std::string state;    // Free | Reserved | InUse | Unavailable
  std::string holder;   // what makes it so: "vnic ns/name", "vm name", or the reason
  bool operator==(const VirtualFunctionStatus&) const = default;
};

struct PhysicalFunctionStatus {
  std::string device;
  std::string address;
  bool linkUp = false;
  std::vector<std::string> networks;
  std::vector<VirtualFunctionStatus> virtualFunctions;
  bool operator==(const PhysicalFunctionStatus&) const = default;
};

struct VirtualFunctionTotals {
  int total = 0, free = 0, reserved = 0, inUse = 0, unavailable = 0;
  bool operator==(const VirtualFunctionTotals&) const = default;
};

// A bridge of the host.
struct BridgeFacts {
  std::string name;
  std::string uplink;   // the port to the outside, "" = none
  int mtu = 0;          // bytes
  bool linkUp = false;  // of bridge and uplink
  bool operator==(const BridgeFacts&) const = default;
};

// A VF that the host itself uses.
struct HostVirtualFunction {
  std::string address;  // 0000:01:10.4
  std::string reason;
  bool operator==(const HostVirtualFunction&) const = default;
};

// What the node agent sees, where one runs; written by it alone.
struct AgentFacts {
  std::string version;
  std::vector<BridgeFacts> bridges;                       // at most 256
  std::vector<HostVirtualFunction> hostVirtualFunctions;  // at most 256
  bool operator==(const AgentFacts&) const = default;
};

struct VmHostStatus {
  std::int64_t observedGeneration = -1;
  Conditions conditions;  // Ready, Connected, VersionSupported
  std::string libvirtVersion;
  std::string qemuVersion;
  int vmCount = 0;
  std::vector<VirtualMachineStatus> virtualMachines;  // at most 200
  VirtualFunctionTotals virtualFunctions;
  std::vector<PhysicalFunctionStatus> physicalFunctions;
  std::optional<AgentFacts> agent;  // nullopt: no agent has run here
  bool operator==(const VmHostStatus&) const = default;
};

struct VmHost {
  static constexpr ResourceType resource{"vnic.dev", "v1alpha1", "vmhosts", "VmHost", false};
  ObjectMeta metadata;
  VmHostSpec spec;
  VmHostStatus status;

  static Result<VmHost> decode(simdjson::dom::element object);
};

nlohmann::json toJson(const VmHostSpec& spec);
// All but `agent`, which is not the operator's.
nlohmann::json toJson(const VmHostStatus& status);
nlohmann::json toJson(const AgentFacts& facts);

}  // namespace vnic::api
