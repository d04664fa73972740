// SPDX-License-Identifier: Apache-2.0
#include "support/mounted_secret.h"

#include <stdlib.h>

#include <fstream>
#include <stdexcept>
#include <string>

namespace vnic::test {

namespace fs = std::filesystem;

void mountSecret(const fs::path& folder, const std::map<std::string, std::string>& files) {
  std::string version = folder / "..version.XXXXXX";
  if (mkdtemp(version.data()) == nullptr) throw std::runtime_error("cannot make " + version);
  for (const auto& [name, content] : files) std::ofstream(fs::path(version) / name) << content;
  fs::create_directory_symlink(fs::path(version).filename(), folder / "..data_tmp");
  fs::rename(folder / "..data_tmp", folder / "..data");
  for (const auto& [name, content] : files) {
    if (!fs::is_symlink(folder / name))
      fs::create_symlink(fs::path("..data") / name, folder / name);
  }
}

void mountSecret(const fs::path& folder, const CertificateAndKey& pair) {
  mountSecret(folder, {{"tls.crt", pair.certPem}, {"tls.key", pair.keyPem}});
}

void mountLibvirtSecret(const fs::path& folder, const std::string& caPem,
                        const CertificateAndKey& pair) {
  mountSecret(
      folder,
      {{"cacert.pem", caPem}, {"clientcert.pem", pair.certPem}, {"clientkey.pem", pair.keyPem}});
}

}  // namespace vnic::test
