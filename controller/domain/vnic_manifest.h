// SPDX-License-Identifier: Apache-2.0
// Vnics as YAML for NICs that VMs have already, ready for `kubectl apply`. Names come from hosts
// and people, so they are quoted where YAML needs it. Pure.
#pragma once

#include <string>
#include <string_view>

namespace vnic::domain {

struct VnicManifest {
  std::string ns;  // "" = left out
  std::string vmName;
  std::string mac;
  std::string profile;
};

// What Kubernetes takes as an object's name: lower case letters, digits and single dashes, at most
// `limit` characters; "" when nothing of the text can stay.
std::string kubernetesName(std::string_view text, std::size_t limit = 50);
// "db-cc0001" for a NIC of VM "DB" with MAC 52:54:00:cc:00:01: a name that Kubernetes takes.
std::string vnicName(const std::string& vmName, const std::string& mac);

std::string toYaml(const VnicManifest& vnic);      // a document, beginning with "---"
std::string toYamlLine(const VnicManifest& vnic);  // the same in braces, for a message

// A scalar as YAML: bare where that means the same string, else in double quotes.
std::string yamlScalar(std::string_view text);

}  // namespace vnic::domain
