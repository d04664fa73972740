// SPDX-License-Identifier: Apache-2.0
#include "support/libvirt_schema.h"

#include "support/command.h"

namespace vnic::test {
namespace {

std::string domainWith(const std::vector<std::string>& devices, std::size_t begin,
                       std::size_t end) {
  std::string xml =
      "<domain type='kvm'><name>vm</name><memory unit='KiB'>1024</memory>"
      "<os><type arch='x86_64' machine='q35'>hvm</type></os><devices>";
  for (std::size_t i = begin; i < end; ++i) xml += devices[i] + "\n";
  return xml + "</devices></domain>";
}

std::optional<std::string> errorIn(const std::vector<std::string>& devices, std::size_t begin,
                                   std::size_t end) {
  const auto error = schemaError(domainWith(devices, begin, end));
  if (!error || end - begin == 1) return error ? devices[begin] + "\n" + *error : error;
  const std::size_t middle = begin + (end - begin) / 2;
  const auto first = errorIn(devices, begin, middle);
  return first ? first : errorIn(devices, middle, end);
}

}  // namespace

std::optional<std::string> schemaError(const std::string& domainXml) {
  const auto result = runCommand({"virt-xml-validate", "-", "domain"}, domainXml);
  if (result.ok()) return std::nullopt;
  return result.out + result.err;
}

std::optional<std::string> deviceSchemaError(const std::vector<std::string>& devices) {
  return devices.empty() ? std::nullopt : errorIn(devices, 0, devices.size());
}

}  // namespace vnic::test
