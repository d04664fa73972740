// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/libvirt/connect_uri.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace vnic::hypervisor {
namespace {

constexpr std::array<std::string_view, 6> kTransports{"",        "+tls",     "+ssh",
                                                      "+libssh", "+libssh2", "+tcp"};
constexpr std::array<std::string_view, 9> kParameters{
    "pkipath",     "tls_priority",       "socket",  "mode",  "keyfile",
    "known_hosts", "known_hosts_verify", "sshauth", "no_tty"};
constexpr std::string_view kSpaces = " \t\n\v\f\r";

template <class List>
bool contains(const List& list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

struct Parts {
  std::string_view scheme, host, path, query;
};

Parts split(std::string_view uri) {
  Parts parts;
  if (const auto question = uri.find('?'); question != uri.npos) {
    parts.query = uri.substr(question + 1);
    uri = uri.substr(0, question);
  }
  const auto colon = uri.find("://");
  if (colon == uri.npos) return parts;
  parts.scheme = uri.substr(0, colon);
  uri = uri.substr(colon + 3);
  const auto slash = std::min(uri.find('/'), uri.size());
  parts.host = uri.substr(0, slash);
  parts.path = uri.substr(slash);
  return parts;
}

bool isSystemsQemu(std::string_view uri, const Parts& parts, bool local) {
  if (!parts.scheme.starts_with("qemu") || parts.path != "/system") return false;
  if (uri.find('#') != uri.npos || uri.find_first_of(kSpaces) != uri.npos) return false;
  const std::string_view transport = parts.scheme.substr(4);
  return contains(kTransports, transport) || (local && transport == "+unix");
}

// libvirt also parts parameters by ';' and decodes '%', which would hide others from us.
bool parametersAreKnown(std::string_view query) {
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const std::string_view parameter = query.substr(0, end);
    const auto equals = parameter.find('=');
    if (equals == parameter.npos || !contains(kParameters, parameter.substr(0, equals))) {
      return false;
    }
    if (parameter.find_first_of(";%") != parameter.npos) return false;
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return true;
}

Status checkUri(const char* field, std::string_view uri, bool local) {
  const Parts parts = split(uri);
  if (!isSystemsQemu(uri, parts, local) || (!local && parts.host.empty())) {
    return fail(Error::invalid(fmt::format("{} must look like qemu+tls://HOST/system", field)));
  }
  if (!parametersAreKnown(parts.query)) {
    return fail(Error::invalid(fmt::format("{} may have no parameters but {}, and no '%' or ';'",
                                           field, fmt::join(kParameters, ", "))));
  }
  return {};
}

}  // namespace

Result<std::string> connectUri(const std::string& uri, const std::string& pkiPath,
                               bool allowInsecure) {
  if (const auto checked = checkUri("spec.libvirtURI", uri, true); !checked) {
    return fail(checked.error());
  }
  const std::string_view scheme = split(uri).scheme;
  if (scheme == "qemu+tcp" && !allowInsecure) {
    return fail(
        Error::invalid("spec.libvirtURI: qemu+tcp is neither encrypted nor authenticated; use "
                       "qemu+tls, or start the operator with --allow-insecure-libvirt"));
  }
  if (scheme != "qemu+tls" || pkiPath.empty() || uri.find("pkipath=") != std::string::npos) {
    return uri;
  }
  return uri + (uri.find('?') == std::string::npos ? '?' : '&') + "pkipath=" + pkiPath;
}

Status checkPeerUri(const std::string& uri) {
  return checkUri("spec.peerURI", uri, false);
}

}  // namespace vnic::hypervisor
