// SPDX-License-Identifier: Apache-2.0
#include "api/vnic.h"

#include "api/decode.h"
#include "api/encode.h"

namespace vnic::api {
namespace {

void readVnicSpec(FieldReader& reader, VnicSpec& spec) {
  reader.read("vmName", spec.vmName);
  reader.readName("profile", spec.profile);
  reader.read("macAddress", spec.macAddress);
  reader.read("desiredState", spec.desiredState);
  reader.read("deletionPolicy", spec.deletionPolicy);
}

void readVnicStatus(FieldReader& reader, VnicStatus& status) {
  reader.read("host", status.host);
  reader.read("vf", status.vf);
  reader.read("guestAddress", status.guestAddress);
  reader.read("macAddress", status.macAddress);
  reader.read("standby", status.standby);
  reader.read("negotiated", status.negotiated);
  reader.read("nextTryTime", status.nextTryTime);
}

}  // namespace

Result<Vnic> Vnic::decode(simdjson::dom::element object) {
  return decodeObject<Vnic>(object, readVnicSpec, readVnicStatus);
}

nlohmann::json toJson(const VnicSpec& spec) {
  nlohmann::json json{{"vmName", spec.vmName},
                      {"desiredState", spec.desiredState},
                      {"deletionPolicy", spec.deletionPolicy}};
  putName(json, "profile", spec.profile);
  put(json, "macAddress", spec.macAddress);
  return json;
}

nlohmann::json toJson(const VnicStatus& status) {
  nlohmann::json json{{"observedGeneration", status.observedGeneration},
                      {"conditions", toJson(status.conditions)}};
  put(json, "host", status.host);
  put(json, "vf", status.vf);
  put(json, "guestAddress", status.guestAddress);
  put(json, "macAddress", status.macAddress);
  put(json, "standby", status.standby);
  put(json, "negotiated", status.negotiated);
  put(json, "nextTryTime", status.nextTryTime);
  return json;
}

}  // namespace vnic::api
