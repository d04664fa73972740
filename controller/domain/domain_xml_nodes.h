// SPDX-License-Identifier: Apache-2.0
// How libvirt writes things into domain XML; shared by reading and rewriting.
#pragma once

#include <cstdint>
#include <optional>
#include <pugixml.hpp>
#include <string>
#include <string_view>

#include "support/error.h"
#include "support/pci_address.h"

namespace vnic::domain {

// Parses a document whose root is <domain>, keeping comments and white space, so that a rewritten
// text differs from the original only where it was changed.
Result<pugi::xml_node> loadDomain(pugi::xml_document& document, std::string_view xml);

// As libvirt prints it: single quotes, no added white space, no XML declaration.
std::string print(const pugi::xml_node& node);

// <address domain='0x0000' bus='0x01' slot='0x10' function='0x4'/>; nullopt when it is missing,
// malformed or, where it has a type, not type='pci'.
std::optional<PciAddress> readAddress(const pugi::xml_node& address);
void writeAddress(pugi::xml_node address, const PciAddress& value);

// <memory unit='KiB'> and the like; libvirt prints KiB, people write other units. Rounded up.
Result<std::int64_t> readKiB(const pugi::xml_node& memory);

// Its value, "" = there is none; lives as long as the document.
std::string_view attribute(const pugi::xml_node& node, const char* name);

// The alias that a definition gives, "" = none.
std::string aliasOf(const pugi::xml_node& device);
// Aliases that start with "ua-" are kept by libvirt; others it makes anew at each start.
bool isUserAlias(std::string_view alias);
// Do MAC and alias name this <interface>?
bool isNamedBy(const pugi::xml_node& interface, std::string_view mac, std::string_view alias);

}  // namespace vnic::domain
