// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <simdjson.h>
#include <nlohmann/json_fwd.hpp>

#include <string>

#include "api/condition.h"
#include "api/meta.h"
#include "support/error.h"

namespace vnic::api {

struct VnicSpec {
  std::string vmName;
  std::string profile;                    // spec.profile.name
  std::string macAddress;                 // "" = choose one and keep it in status
  std::string desiredState = "Attached";  // Attached | Detached
  std::string deletionPolicy = "Retain";  // Retain | Detach
  bool operator==(const VnicSpec&) const = default;
};

struct VnicStatus {
  std::int64_t observedGeneration = -1;
  Conditions conditions;     // Ready, Attached, InSync
  std::string host;          // VmHost the VM runs on
  std::string vf;            // PCI address of the VF on that host
  std::string guestAddress;  // PCI address in the guest
  std::string macAddress;
  std::string standby;      // alias of the virtio standby
  std::string negotiated;   // True | False | Unknown: did the guest's driver take the pair
  std::string nextTryTime;  // RFC 3339, while an attach is being repeated
  bool operator==(const VnicStatus&) const = default;
};

struct Vnic {
  static constexpr ResourceType resource{"vnic.dev", "v1alpha1", "vnics", "Vnic", true};
  ObjectMeta metadata;
  VnicSpec spec;
  VnicStatus status;

  static Result<Vnic> decode(simdjson::dom::element object);
};

nlohmann::json toJson(const VnicSpec& spec);
nlohmann::json toJson(const VnicStatus& status);

}  // namespace vnic::api
