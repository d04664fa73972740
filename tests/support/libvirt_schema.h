// SPDX-License-Identifier: Apache-2.0
// libvirt's own schemas as the judge of XML that we write (virt-xml-validate).
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace vnic::test {

// Why libvirt's schema does not take this <domain>; nullopt = it does.
std::optional<std::string> schemaError(const std::string& domainXml);

// The same for devices, each put into a small domain of its own kind: the first one that is wrong,
// with the reason. Asks for all of them at once as long as they are right.
std::optional<std::string> deviceSchemaError(const std::vector<std::string>& devices);

}  // namespace vnic::test
