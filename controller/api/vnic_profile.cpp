// SPDX-License-Identifier: Apache-2.0
#include "api/vnic_profile.h"

#include "api/decode.h"
#include "api/encode.h"

namespace vnic::api {
namespace {

void readProfileSpec(FieldReader& reader, VnicProfileSpec& spec) {
  reader.read("network", spec.network);
  reader.read("passthrough", spec.passthrough);
  reader.read("migratable", spec.migratable);
  reader.readName("failover", spec.failover);
  reader.read("bridge", spec.bridge);
  reader.read("vlan", spec.vlan);
  reader.read("mtu", spec.mtu);
  reader.read("networkFilter", spec.networkFilter);
  FieldReader allowed = reader.object("allowedNamespaces");
  allowed.read("from", spec.allowedNamespaces.from);
  FieldReader selector = allowed.object("selector");
  selector.read("matchLabels", spec.allowedNamespaces.matchLabels);
}

void readProfileStatus(FieldReader& reader, VnicProfileStatus& status) {
  reader.read("vnicCount", status.vnicCount);
  reader.read("vnics", status.vnics);
  reader.read("failoverFor", status.failoverFor);
  reader.list("hosts", status.hosts, [](FieldReader& item, ServingHost& host) {
    item.read("name", host.name);
    item.read("freeVirtualFunctions", host.freeVirtualFunctions);
  });
}

}  // namespace

Result<VnicProfile> VnicProfile::decode(simdjson::dom::element object) {
  return decodeObject<VnicProfile>(object, readProfileSpec, readProfileStatus);
}

nlohmann::json toJson(const VnicProfileSpec& spec) {
  nlohmann::json json{{"network", spec.network},
                      {"passthrough", spec.passthrough},
                      {"migratable", spec.migratable}};
  putName(json, "failover", spec.failover);
  put(json, "bridge", spec.bridge);
  put(json, "vlan", spec.vlan);
  put(json, "mtu", spec.mtu);
  put(json, "networkFilter", spec.networkFilter);
  nlohmann::json& allowed = json["allowedNamespaces"] = {{"from", spec.allowedNamespaces.from}};
  if (!spec.allowedNamespaces.matchLabels.empty()) {
    allowed["selector"] = {{"matchLabels", spec.allowedNamespaces.matchLabels}};
  }
  return json;
}

nlohmann::json toJson(const VnicProfileStatus& status) {
  nlohmann::json json{{"observedGeneration", status.observedGeneration},
                      {"conditions", toJson(status.conditions)},
                      {"vnicCount", status.vnicCount}};
  put(json, "vnics", status.vnics);
  put(json, "failoverFor", status.failoverFor);
  putList(json, "hosts", status.hosts, [](const ServingHost& host) {
    return nlohmann::json{{"name", host.name}, {"freeVirtualFunctions", host.freeVirtualFunctions}};
  });
  return json;
}

}  // namespace vnic::api
