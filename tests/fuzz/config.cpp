// SPDX-License-Identifier: Apache-2.0
// The file of --config.
#include <sstream>

#include "app/yaml_config.h"
#include "fuzz/fuzz.h"

using namespace vnic;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::istringstream file(std::string(fuzz::text(data, size)));
  try {
    for (const auto& setting : app::YamlConfig().from_config(file)) {
      fuzz::require(!setting.name.empty(), "a setting has a name");
    }
  } catch (const CLI::Error& error) {  // what the command line's parser expects
    fuzz::require(*error.what() != '\0', "the error says what is wrong");
  }
  return 0;
}
