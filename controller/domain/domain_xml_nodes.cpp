// SPDX-License-Identifier: Apache-2.0
#include "domain/domain_xml_nodes.h"

#include <fmt/format.h>

#include <charconv>
#include <sstream>

namespace vnic::domain {
namespace {

// libvirt's own limit for a message is 32 MiB; no real definition comes near this.
constexpr std::size_t kMaxXmlBytes = 4u << 20;

std::optional<unsigned> readNumber(std::string_view text, unsigned max) {
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    text.remove_prefix(2);
    base = 16;
  }
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || value > max) {
    return std::nullopt;
  }
  return value;
}

void setAttribute(pugi::xml_node node, const char* name, const std::string& value) {
  pugi::xml_attribute attribute = node.attribute(name);
  if (!attribute) attribute = node.append_attribute(name);
  attribute.set_value(value.c_str());
}

}  // namespace

Result<pugi::xml_node> loadDomain(pugi::xml_document& document, std::string_view xml) {
  if (xml.size() > kMaxXmlBytes) return fail(Error::invalid("domain XML is larger than 4 MiB"));
  const auto parsed = document.load_buffer(
      xml.data(), xml.size(),
      pugi::parse_default | pugi::parse_comments | pugi::parse_pi | pugi::parse_ws_pcdata,
      pugi::encoding_utf8);
  if (!parsed) {
    return fail(Error::invalid(
        fmt::format("domain XML: {} at offset {}", parsed.description(), parsed.offset)));
  }
  const pugi::xml_node root = document.document_element();
  if (std::string_view(root.name()) != "domain") {
    return fail(Error::invalid("domain XML: the root must be <domain>"));
  }
  return root;
}

std::string print(const pugi::xml_node& node) {
  std::ostringstream out;
  node.print(out, "",
             pugi::format_raw | pugi::format_no_declaration | pugi::format_attribute_single_quote);
  return out.str();
}

std::optional<PciAddress> readAddress(const pugi::xml_node& address) {
  if (!address) return std::nullopt;
  const pugi::xml_attribute type = address.attribute("type");
  if (type && std::string_view(type.value()) != "pci") return std::nullopt;
  // Domain and function may be left out, they are 0 then; bus and slot may not.
  const auto domain = readNumber(address.attribute("domain").as_string("0"), 0xffff);
  const auto bus = readNumber(address.attribute("bus").value(), 0xff);
  const auto slot = readNumber(address.attribute("slot").value(), 0x1f);
  const auto function = readNumber(address.attribute("function").as_string("0"), 7);
  if (!domain || !bus || !slot || !function) return std::nullopt;
  return PciAddress{static_cast<std::uint16_t>(*domain), static_cast<std::uint8_t>(*bus),
                    static_cast<std::uint8_t>(*slot), static_cast<std::uint8_t>(*function)};
}

void writeAddress(pugi::xml_node address, const PciAddress& value) {
  setAttribute(address, "domain", fmt::format("0x{:04x}", value.domain));
  setAttribute(address, "bus", fmt::format("0x{:02x}", value.bus));
  setAttribute(address, "slot", fmt::format("0x{:02x}", value.slot));
  setAttribute(address, "function", fmt::format("0x{:x}", value.function));
}

std::string_view attribute(const pugi::xml_node& node, const char* name) {
  return node.attribute(name).value();
}

std::string aliasOf(const pugi::xml_node& device) {
  return device.child("alias").attribute("name").value();
}

bool isUserAlias(std::string_view alias) {
  return alias.starts_with("ua-");
}

bool isNamedBy(const pugi::xml_node& interface, std::string_view mac, std::string_view alias) {
  const auto own = canonicalMac(interface.child("mac").attribute("address").value());
  const auto wanted = canonicalMac(mac);
  if (!own || own != wanted) return false;
  const std::string ownAlias = aliasOf(interface);
  return !isUserAlias(alias) || !isUserAlias(ownAlias) || ownAlias == alias;
}

// <memory unit='KiB'>; libvirt prints KiB, people write other units.
Result<std::int64_t> readKiB(const pugi::xml_node& memory) {
  std::int64_t value = -1;
  const std::string_view digits = memory.text().get();
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (read.ec != std::errc() || read.ptr != digits.data() + digits.size()) value = -1;
  const std::string_view unit = memory.attribute("unit").as_string("KiB");
  if (value < 0)
    return fail(Error::invalid(fmt::format("domain XML: <{}> must be a number", memory.name())));
  struct Unit {
    std::string_view name;
    std::int64_t bytes;
  };
  static constexpr Unit kUnits[] = {
      {"b", 1},           {"bytes", 1},       {"KB", 1000},       {"k", 1024},
      {"KiB", 1024},      {"MB", 1000000},    {"M", 1 << 20},     {"MiB", 1 << 20},
      {"GB", 1000000000}, {"G", 1LL << 30},   {"GiB", 1LL << 30}, {"TB", 1000000000000},
      {"T", 1LL << 40},   {"TiB", 1LL << 40},
  };
  for (const Unit& known : kUnits) {
    if (known.name == unit && value <= (1LL << 62) / known.bytes) {
      return (value * known.bytes + 1023) / 1024;
    }
  }
  return fail(
      Error::invalid(fmt::format("domain XML: <{}> of {} '{}'", memory.name(), value, unit)));
}

}  // namespace vnic::domain
