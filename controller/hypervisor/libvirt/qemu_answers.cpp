// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/libvirt/qemu_answers.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

namespace vnic::hypervisor {
namespace {

using Json = nlohmann::json;

// Copies and visits of JSON recurse. 32 bridges behind each other take three levels each.
constexpr int kMaxDepth = 100;

// The value of "return", without what lies deeper than anything that QEMU says.
Result<Json> readReturn(std::string_view answer, const char* command) {
  const auto shallow = [](int depth, Json::parse_event_t, const Json&) {
    return depth <= kMaxDepth;
  };
  Json json = Json::parse(answer, shallow, false);
  if (!json.is_object() || !json.contains("return")) {
    return fail(Error::invalid(fmt::format("QEMU gave no usable answer to {}", command)));
  }
  return std::move(json.at("return"));
}

const Json* member(const Json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

void collectIds(const Json& devices, std::set<std::string>& ids) {
  if (!devices.is_array()) return;
  for (const Json& device : devices) {
    const Json* id = member(device, "qdev_id");
    if (id != nullptr && id->is_string() && !id->get_ref<const std::string&>().empty()) {
      ids.insert(id->get<std::string>());
    }
    const Json* bridge = member(device, "pci_bridge");
    const Json* behind = bridge ? member(*bridge, "devices") : nullptr;
    if (behind != nullptr) collectIds(*behind, ids);
  }
}

}  // namespace

Result<std::set<std::string>> parsePciIds(std::string_view answer) {
  const auto buses = readReturn(answer, "query-pci");
  if (!buses) return fail(buses.error());
  if (!buses->is_array()) return fail(Error::invalid("QEMU's answer to query-pci is no list"));
  std::set<std::string> ids;
  for (const Json& bus : *buses) {
    if (const Json* devices = member(bus, "devices")) collectIds(*devices, ids);
  }
  return ids;
}

Result<std::vector<std::string>> parseBlockedReasons(std::string_view answer) {
  const auto migration = readReturn(answer, "query-migrate");
  if (!migration) return fail(migration.error());
  std::vector<std::string> reasons;
  const Json* list = member(*migration, "blocked-reasons");
  if (list == nullptr || !list->is_array()) return reasons;
  for (const Json& reason : *list) {
    if (reason.is_string()) reasons.push_back(reason.get<std::string>());
  }
  return reasons;
}

}  // namespace vnic::hypervisor
