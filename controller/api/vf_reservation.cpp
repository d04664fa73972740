// SPDX-License-Identifier: Apache-2.0
#include "api/vf_reservation.h"

#include <algorithm>
#include <string>

#include "api/decode.h"
#include "api/encode.h"

namespace vnic::api {
namespace {

void readReservationSpec(FieldReader& reader, VfReservationSpec& spec) {
  reader.read("hostName", spec.hostName);
  reader.read("address", spec.address);
  reader.read("holder", spec.holder);
  reader.read("purpose", spec.purpose);
  if (reader.object("migration").present()) reader.read("migration", spec.migration.emplace());
  reader.read("vmUUID", spec.vmUUID);
  FieldReader device = reader.object("device");
  device.read("macAddress", spec.device.macAddress);
  device.read("alias", spec.device.alias);
  device.read("standbyAlias", spec.device.standbyAlias);
  device.read("guestAddress", spec.device.guestAddress);
  device.read("vlan", spec.device.vlan);
  device.read("managed", spec.device.managed);
  device.read("originalVf", spec.device.originalVf);
}

}  // namespace

nlohmann::json toJson(const DevicePlan& plan) {
  nlohmann::json json{{"managed", plan.managed}};
  put(json, "macAddress", plan.macAddress);
  put(json, "alias", plan.alias);
  put(json, "standbyAlias", plan.standbyAlias);
  put(json, "guestAddress", plan.guestAddress);
  put(json, "vlan", plan.vlan);
  put(json, "originalVf", plan.originalVf);
  return json;
}

std::string VfReservation::nameFor(std::string_view host, std::string_view pciAddress) {
  std::string name = std::string(host) + "." + std::string(pciAddress);
  std::replace(name.begin() + static_cast<std::ptrdiff_t>(host.size()), name.end(), ':', '-');
  return name;
}

Result<VfReservation> VfReservation::decode(simdjson::dom::element object) {
  return decodeObject<VfReservation>(object, readReservationSpec,
                                     [](FieldReader&, VfReservationStatus&) {});
}

nlohmann::json toJson(const VfReservationSpec& spec) {
  nlohmann::json json{{"hostName", spec.hostName},
                      {"address", spec.address},
                      {"holder", toJson(spec.holder)},
                      {"purpose", spec.purpose},
                      {"device", toJson(spec.device)}};
  if (spec.migration) json["migration"] = toJson(*spec.migration);
  put(json, "vmUUID", spec.vmUUID);
  return json;
}

nlohmann::json toJson(const VfReservationStatus& status) {
  return {{"observedGeneration", status.observedGeneration},
          {"conditions", toJson(status.conditions)}};
}

}  // namespace vnic::api
