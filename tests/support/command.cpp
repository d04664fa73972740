// SPDX-License-Identifier: Apache-2.0
#include "support/command.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <system_error>
#include <thread>

namespace vnic::test {
namespace {

[[noreturn]] void fail(const char* what, int error = errno) {
  throw std::system_error(error, std::generic_category(), what);
}

// A file in memory. Unlike a pipe it cannot fill up, and a program that stays in the background
// with it does not keep us waiting.
class MemoryFile {
 public:
  MemoryFile() : fd_(memfd_create("command", MFD_CLOEXEC)) {
    if (fd_ < 0) fail("memfd_create");
  }
  ~MemoryFile() { close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  int fd() const { return fd_; }

  void write(std::string_view text) {
    while (!text.empty()) {
      const ssize_t count = ::write(fd_, text.data(), text.size());
      if (count < 0) fail("write");
      text.remove_prefix(static_cast<std::size_t>(count));
    }
    if (lseek(fd_, 0, SEEK_SET) != 0) fail("lseek");
  }

  std::string read() const {
    std::string text;
    char buffer[65536];
    while (true) {
      const ssize_t count = pread(fd_, buffer, sizeof buffer, static_cast<off_t>(text.size()));
      if (count < 0) fail("pread");
      if (count == 0) return text;
      text.append(buffer, static_cast<std::size_t>(count));
    }
  }

 private:
  int fd_;
};

std::vector<std::string> environmentWith(const std::map<std::string, std::string>& added) {
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (added.count(std::string(text.substr(0, text.find('=')))) == 0) result.emplace_back(text);
  }
  for (const auto& [name, value] : added) result.push_back(name + "=" + value);
  return result;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (std::string& string : strings) result.push_back(string.data());
  result.push_back(nullptr);
  return result;
}

int codeOf(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int waitFor(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) fail("waitpid");
  }
  return codeOf(status);
}

struct Streams {
  int in;
  int out;
  int err;
};

pid_t start(const std::vector<std::string>& argv, const Streams& streams,
            const std::map<std::string, std::string>& environment) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, streams.in, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, streams.out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, streams.err, STDERR_FILENO);
  std::vector<std::string> arguments = argv;
  std::vector<std::string> variables = environmentWith(environment);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, argv.at(0).c_str(), &actions, nullptr,
                                 pointers(arguments).data(), pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) fail(argv.at(0).c_str(), error);
  return pid;
}

}  // namespace

CommandResult runCommand(const std::vector<std::string>& argv, std::string_view input,
                         const std::map<std::string, std::string>& environment) {
  MemoryFile in;
  MemoryFile out;
  MemoryFile err;
  in.write(input);
  CommandResult result;
  result.exitCode = waitFor(start(argv, {in.fd(), out.fd(), err.fd()}, environment));
  result.out = out.read();
  result.err = err.read();
  return result;
}

class ChildProcess::Output : public MemoryFile {};

ChildProcess::ChildProcess(const std::vector<std::string>& argv)
    : output_(std::make_unique<Output>()) {
  const MemoryFile nothing;
  pid_ = start(argv, {nothing.fd(), output_->fd(), output_->fd()}, {});
}

ChildProcess::~ChildProcess() {
  if (exitCode_) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void ChildProcess::signal(int number) {
  if (!exitCode_) ::kill(pid_, number);
}

std::optional<int> ChildProcess::end(std::chrono::milliseconds patience) {
  const auto limit = std::chrono::steady_clock::now() + patience;
  while (!exitCode_) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      exitCode_ = codeOf(status);
    } else if (std::chrono::steady_clock::now() > limit) {
      return std::nullopt;
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  return exitCode_;
}

std::string ChildProcess::output() const {
  return output_->read();
}

}  // namespace vnic::test
