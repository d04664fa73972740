// SPDX-License-Identifier: Apache-2.0
// Runs programs and keeps what they write.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
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

// Runs it to its end. argv[0] is looked up in PATH; `environment` is added to ours. Throws
// std::system_error when the program cannot be started. What it leaves running in the background is
// not waited for.
CommandResult runCommand(const std::vector<std::string>& argv, std::string_view input = {},
                         const std::map<std::string, std::string>& environment = {});

// One that runs beside us, started like that. It is killed when this goes.
class ChildProcess {
 public:
  explicit ChildProcess(const std::vector<std::string>& argv);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  void signal(int number);
  // The exit code, or 128 + the signal; nullopt when it does not end in time.
  std::optional<int> end(std::chrono::milliseconds patience);
  std::string output() const;  // so far, both streams

 private:
  class Output;
  std::unique_ptr<Output> output_;
  pid_t pid_ = 0;
  std::optional<int> exitCode_;
};

}  // namespace vnic::test
