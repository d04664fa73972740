// SPDX-License-Identifier: Apache-2.0
#include "lab/migration.h"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

namespace vnic::lab {

using namespace std::chrono_literals;

Migration Migration::create(const std::string& vmName, Json spec, const std::string& ns) {
  spec["vmName"] = vmName;
  // Emulated guests may be slow to let go; what happens then is not what these tests are about.
  spec["policy"].emplace("unplugTimeoutSeconds", 120);
  const Json object{{"apiVersion", "vnic.dev/v1alpha1"},
                    {"kind", "VmMigration"},
                    {"metadata", {{"generateName", "test-"}, {"namespace", ns}}},
                    {"spec", std::move(spec)}};
  const std::string created =
      kubectl({"create", "--filename", "-", "--output", "json"}, object.dump());
  return {ns, Json::parse(created).at("metadata").at("name")};
}

std::string Migration::phase() const {
  return object().value(Json::json_pointer("/status/phase"), "");
}

Json Migration::waitEnd(std::chrono::seconds timeout) const {
  kubectl({"wait", R"(--for=jsonpath={.metadata.annotations.vnic\.dev/finished})",
           fmt::format("--timeout={}s", timeout.count()), "--namespace", ns_,
           "vmmigration/" + name_});
  return object();
}

void Migration::waitPhase(const std::string& phase) const {
  kubectl({"wait", "--for=jsonpath={.status.phase}=" + phase, "--timeout=120s", "--namespace", ns_,
           "vmmigration/" + name_});
}

void Migration::waitCopying(const Guest& guest, const std::string& source) const {
  if (!eventually(120s, [&] { return isCopying(source, guest); })) {
    throw std::runtime_error(fmt::format("{} is not being copied from {}; phase of {}: {}",
                                         guest.name, source, name_, phase()));
  }
}

void Migration::cancel() const {
  kubectl({"patch", "vmmigration", name_, "--namespace", ns_, "--type", "merge", "--patch",
           R"({"spec":{"cancel":true}})"});
}

void Migration::remove(std::chrono::seconds timeout) const {
  kubectl({"delete", "vmmigration", name_, "--namespace", ns_, "--wait",
           fmt::format("--timeout={}s", timeout.count())});
}

Json condition(const Json& object, const std::string& type) {
  for (const Json& c : object.value(Json::json_pointer("/status/conditions"), Json::array())) {
    if (c.at("type") == type) return c;
  }
  return nullptr;
}

std::string reasonOf(const Json& object, const std::string& conditionType) {
  const Json found = condition(object, conditionType);
  return found.is_null() ? "" : found.at("reason").get<std::string>();
}

}  // namespace vnic::lab
