// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <simdjson.h>
#include <nlohmann/json_fwd.hpp>

#include <map>
#include <string>
#include <vector>

#include "api/condition.h"
#include "api/meta.h"
#include "support/error.h"

namespace vnic::api {

// spec.allowedNamespaces: whose Vnics may use the profile.
struct AllowedNamespaces {
  std::string from = "All";                        // All | Selector
  std::map<std::string, std::string> matchLabels;  // selector.matchLabels, with from: Selector
  bool operator==(const AllowedNamespaces&) const = default;
};

struct VnicProfileSpec {
  std::string network;
  bool passthrough = false;
  bool migratable = true;
  std::string failover;       // spec.failover.name, "" = none
  std::string bridge;         // non-passthrough only, "" = libvirt network named like `network`
  std::optional<int> vlan;    // 1..4094
  std::optional<int> mtu;     // 68..65535 bytes
  std::string networkFilter;  // non-passthrough only
  AllowedNamespaces allowedNamespaces;
  bool operator==(const VnicProfileSpec&) const = default;
};

struct ServingHost {
  std::string name;
  int freeVirtualFunctions = 0;
  bool operator==(const ServingHost&) const = default;
};

struct VnicProfileStatus {
  std::int64_t observedGeneration = -1;
  Conditions conditions;  // Ready, Accepted
  int vnicCount = 0;
  std::vector<std::string> vnics;        // "namespace/name", at most 100
  std::vector<std::string> failoverFor;  // profiles that name this one, at most 100
  std::vector<ServingHost> hosts;        // at most 500
  bool operator==(const VnicProfileStatus&) const = default;
};

struct VnicProfile {
  static constexpr ResourceType resource{"vnic.dev", "v1alpha1", "vnicprofiles", "VnicProfile",
                                         false};
  ObjectMeta metadata;
  VnicProfileSpec spec;
  VnicProfileStatus status;

  static Result<VnicProfile> decode(simdjson::dom::element object);
};

nlohmann::json toJson(const VnicProfileSpec& spec);
nlohmann::json toJson(const VnicProfileStatus& status);

}  // namespace vnic::api
