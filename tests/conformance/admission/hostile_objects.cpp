// SPDX-License-Identifier: Apache-2.0
#include "conformance/admission/hostile_objects.h"

#include <fmt/format.h>

#include <limits>
#include <stdexcept>
#include <utility>

namespace vnic::test {
namespace {

using nlohmann::json;

// Complete, so that every field gets its turn. Hosts are on loopback, where nobody listens.
// `number` is the object's own, for what may be there only once.
json validSpec(const std::string& kind, std::uint32_t number) {
  if (kind == "VnicProfile") {
    return {{"network", "hostile"},
            {"passthrough", false},
            {"migratable", true},
            {"bridge", "br-hostile"},
            {"vlan", 7},
            {"mtu", 1500},
            {"networkFilter", "clean-traffic"},
            {"allowedNamespaces",
             {{"from", "Selector"}, {"selector", {{"matchLabels", {{"team", "a"}}}}}}}};
  }
  if (kind == "Vnic") {
    return {
        {"vmName", "db"},
        {"profile", {{"name", "hostile"}}},
        {"macAddress", fmt::format("52:54:00:00:{:02x}:{:02x}", (number >> 8) % 256, number % 256)},
        {"desiredState", "Attached"},
        {"deletionPolicy", "Retain"}};
  }
  if (kind == "VmMigration") {
    return {
        {"vmName", "db"},
        {"targetHostName", "nowhere"},
        {"mode", "DryRun"},
        {"priority", 1},
        {"policy", {{"networkOutage", "Forbid"}, {"unplugTimeoutSeconds", 30}, {"maxAttempts", 1}}},
        {"ttlSecondsAfterFinished", 60}};
  }
  if (kind == "VmHost") {
    return {{"libvirtURI", "qemu+tls://127.0.0.1:9/system"},
            {"nodeName", "node"},
            {"physicalFunctions", {{{"device", "enp1s0"}, {"networks", {"blue"}}}}},
            {"availability", "OutOfService"},
            {"limits", {{"inboundMigrations", 1}, {"outboundMigrations", 1}}}};
  }
  throw std::invalid_argument("no such kind: " + kind);
}

json deep(std::size_t levels) {
  json value = "end";
  for (std::size_t i = 0; i < levels; ++i) value = {{"a", std::move(value)}};
  return value;
}

}  // namespace

std::vector<std::string> HostileObjects::kinds() {
  return {"VnicProfile", "Vnic", "VmMigration", "VmHost"};
}

json HostileObjects::hostileValue() {
  using Limits = std::numeric_limits<std::int64_t>;
  switch (below(24)) {
    case 0:
      return nullptr;
    case 1:
      return below(2) == 0;
    case 2:
      return -1;
    case 3:
      return Limits::max();
    case 4:
      return Limits::min();
    case 5:
      return 1.5;
    case 6:
      return 1e300;
    case 7:
      return "";
    case 8:
      return std::string(1 + below(300'000), 'x');
    case 9:
      return json::array();
    case 10:
      return json::object();
    case 11:
      return deep(1 + below(200));
    case 12:
      return json::array({json::array({1, "a", nullptr})});
    case 13:
      return "br'/><hostdev mode='subsystem'/><x a='";
    case 14:
      return "</interface><interface type='hostdev'>";
    case 15:
      return "]]>&xxe;<!ENTITY x SYSTEM 'file:///etc/passwd'>";
    case 16:
      return "$(reboot); `reboot` | reboot";
    case 17:
      return std::string("nul\0byte", 8);
    case 18:
      return "line\r\nX-Injected: yes\n{\"level\":\"error\"}";
    case 19:
      return "\u202e\ufeff\U0001F525\u0301\u200b";
    case 20:
      return "../../../../etc/shadow";
    case 21:
      return "{{.Values}} ${jndi:ldap://127.0.0.1/a} %s%n";
    case 22:
      return "ff:ff:ff:ff:ff:ff";
    default:
      return std::string(1, static_cast<char>(1 + below(31)));
  }
}

// One value somewhere below; sometimes the whole.
void HostileObjects::spoil(json& value) {
  if (value.is_structured() && !value.empty() && below(5) != 0) {
    auto item = value.begin();
    std::advance(item, static_cast<std::ptrdiff_t>(below(value.size())));
    return spoil(*item);
  }
  value = hostileValue();
}

json HostileObjects::make(const std::string& kind, const std::string& name) {
  json object{{"apiVersion", "vnic.dev/v1alpha1"},
              {"kind", kind},
              {"metadata", {{"name", name}}},
              {"spec", validSpec(kind, ++made_)}};
  // A fifth stays valid, so that "all refused" is no right answer.
  const std::size_t changes = below(5) == 0 ? 0 : 1 + below(3);
  for (std::size_t i = 0; i < changes; ++i) {
    switch (below(8)) {
      case 0: {
        // Errors quote the name, and a huge one hides the rest of them.
        nlohmann::json chosen = hostileValue();
        if (!chosen.is_string() || chosen.get_ref<const std::string&>().size() < 500) {
          object["metadata"]["name"] = std::move(chosen);
        }
        break;
      }
      case 1:
        object["metadata"]["annotations"] = {{"vnic.dev/paused", hostileValue()}};
        break;
      case 2:
        object["metadata"]["labels"] = {{"a", hostileValue()}};
        break;
      case 3:
        if (object["spec"].is_object()) object["spec"]["unknownField"] = hostileValue();
        break;
      case 4:
        object["status"] = hostileValue();
        break;
      default:
        spoil(object["spec"]);
    }
  }
  return object;
}

}  // namespace vnic::test
