// SPDX-License-Identifier: Apache-2.0
#include "kube/kubeconfig.h"

#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/fuzz.h"

using namespace vnic;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A file that is only in memory: the reader takes names of files.
  const int file = memfd_create("kubeconfig", MFD_CLOEXEC);
  fuzz::require(file >= 0 && write(file, data, size) == static_cast<ssize_t>(size), "a file");
  const auto config = kube::readKubeconfig({"/proc/self/fd/" + std::to_string(file)}, "");
  close(file);
  if (config) {
    fuzz::require(!config->server.empty(), "a configuration says where the server is");
  } else {
    fuzz::require(config.error().kind == ErrorKind::Terminal, "bad files are Terminal");
    fuzz::require(!config.error().message.empty(), "the error says what is wrong");
  }
  return 0;
}
