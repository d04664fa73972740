// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/libvirt/connect_uri.h"

namespace vnic::hypervisor {

Result<std::string> connectUri(const std::string& uri, const std::string& pkiPath,
                               bool allowInsecure) {
  const std::size_t scheme = uri.find("://");
  if (scheme == std::string::npos) {
    return fail(Error::invalid("spec.libvirtURI must look like qemu+tls://HOST/system"));
  }
  if (uri.substr(0, scheme) == "qemu+tcp" && !allowInsecure) {
    return fail(
        Error::invalid("spec.libvirtURI: qemu+tcp is neither encrypted nor authenticated; use "
                       "qemu+tls, or start the operator with --allow-insecure-libvirt"));
  }
  if (uri.substr(0, scheme) != "qemu+tls" || pkiPath.empty() ||
      uri.find("pkipath=") != std::string::npos) {
    return uri;
  }
  return uri + (uri.find('?') == std::string::npos ? '?' : '&') + "pkipath=" + pkiPath;
}

}  // namespace vnic::hypervisor
