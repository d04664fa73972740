// SPDX-License-Identifier: Apache-2.0
#include "support/mounted_secret.h"

#include <stdlib.h>

#include <fstream>
#include <stdexcept>
#include <string>

namespace vnic::test {

namespace fs = std::filesystem;

void mountSecret(const fs::path& folder, const CertificateAndKey& pair) {
  std::string version = folder / "..version.XXXXXX";
  if (mkdtemp(version.data()) == nullptr) throw std::runtime_error("cannot make " + version);
  std::ofstream(fs::path(version) / "tls.crt") << pair.certPem;
  std::ofstream(fs::path(version) / "tls.key") << pair.keyPem;
  fs::create_directory_symlink(fs::path(version).filename(), folder / "..data_tmp");
  fs::rename(folder / "..data_tmp", folder / "..data");
  for (const char* name : {"tls.crt", "tls.key"}) {
    if (!fs::is_symlink(folder / name))
      fs::create_symlink(fs::path("..data") / name, folder / name);
  }
}

}  // namespace vnic::test
