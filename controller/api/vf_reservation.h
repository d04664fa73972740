// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <simdjson.h>
#include <nlohmann/json_fwd.hpp>

#include <string>

#include "api/condition.h"
#include "api/meta.h"
#include "support/error.h"

namespace vnic::api {

// The complete plan of a NIC, written before any device is touched: after a live detach no XML
// holds it any more.
struct DevicePlan {
  std::string macAddress;
  std::string alias;         // libvirt alias of the VF ("ua-...")
  std::string standbyAlias;  // alias of the virtio standby, "" without failover
  std::string guestAddress;  // PCI address in the guest, 0000:03:00.0
  std::optional<int> vlan;
  bool managed = true;
  std::string originalVf;  // the VF it had where the migration began
  bool operator==(const DevicePlan&) const = default;
};

struct VfReservationSpec {
  std::string hostName;
  std::string address;                       // PCI address of the VF, 0000:01:10.4
  ObjectReference holder;                    // always a Vnic
  std::string purpose = "InUse";             // InUse | Return | Target | Releasing
  std::optional<ObjectReference> migration;  // the VmMigration, while there is one
  std::string vmUUID;
  DevicePlan device;
  bool operator==(const VfReservationSpec&) const = default;
};

struct VfReservationStatus {
  std::int64_t observedGeneration = -1;
  Conditions conditions;
  bool operator==(const VfReservationStatus&) const = default;
};

struct VfReservation {
  static constexpr ResourceType resource{"vnic.dev", "v1alpha1", "vfreservations", "VfReservation",
                                         false};
  ObjectMeta metadata;
  VfReservationSpec spec;
  VfReservationStatus status;

  // `<host>.<PCI address with dashes>`: the API server itself refuses a second claim on one VF.
  static std::string nameFor(std::string_view host, std::string_view pciAddress);
  static Result<VfReservation> decode(simdjson::dom::element object);
};

nlohmann::json toJson(const DevicePlan& plan);
nlohmann::json toJson(const VfReservationSpec& spec);
nlohmann::json toJson(const VfReservationStatus& status);

}  // namespace vnic::api
