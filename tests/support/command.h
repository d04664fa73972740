// SPDX-License-Identifier: Apache-2.0
// Runs a program to its end and keeps what it wrote.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace vnic::test {

struct CommandResult {
  int exitCode = -1;  // 128 + signal when a signal ended it, as in a shell
  std::string out;
  std::string err;

  bool ok() const { return exitCode == 0; }
};

// argv[0] is looked up in PATH; `environment` is added to ours. Throws std::system_error when the
// program cannot be started. What it leaves running in the background is not waited for.
CommandResult runCommand(const std::vector<std::string>& argv, std::string_view input = {},
                         const std::map<std::string, std::string>& environment = {});

}  // namespace vnic::test
