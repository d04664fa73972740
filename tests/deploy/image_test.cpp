// SPDX-License-Identifier: Apache-2.0
// The image, as deploy/Dockerfile packs what was built here, and its programs run as a Pod would:
// no root, a root file system that cannot be written to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "deploy/operator_process.h"

namespace vnic::test {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr std::uintmax_t kMaxBytes = 80'000'000;

std::string trimmed(std::string text) {
  text.erase(text.find_last_not_of('\n') + 1);
  return text;
}

std::string agentBinary() {
  const char* path = std::getenv("VNIC_AGENT_BINARY");
  if (path == nullptr) throw std::runtime_error("VNIC_AGENT_BINARY is not set");
  return path;
}

class Image : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    name_ = must({"build", operatorBinary(), agentBinary()});
    container_ = must({"buildah", "from", "--pull-never", name_});
    root_ = must({"buildah", "mount", container_});
  }
  static void TearDownTestSuite() {
    if (!container_.empty()) must({"buildah", "rm", container_});
  }

  static std::string must(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), sourcePath("tests/support/image"));
    const CommandResult result = runCommand(arguments);
    if (!result.ok()) throw std::runtime_error(result.err);
    return trimmed(result.out);
  }

  static json config() {
    return json::parse(must({"buildah", "inspect", "--type", "image", name_}))["OCIv1"]["config"];
  }

  // A program of the image with `arguments`, in a mount namespace where the image can only be read.
  static CommandResult run(const std::string& folder, const std::string& program,
                           const std::vector<std::string>& arguments) {
    std::vector<std::string> command{"unshare",
                                     "--mount",
                                     "sh",
                                     "-euc",
                                     "mount --bind \"$0\" \"$0\"; mount --bind \"$1\" \"$0/tmp\"; "
                                     "mount -o remount,ro,bind \"$0\"; cd /; root=$0; shift; "
                                     "exec chroot --userspec=65532:65532 \"$root\" \"$@\"",
                                     root_,
                                     folder,
                                     "/usr/bin/" + program};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return runCommand(command);
  }

  static inline std::string name_, container_;
  static inline std::filesystem::path root_;
};

TEST_F(Image, SaysWhatItIs) {
  const json image = config();
  EXPECT_EQ(image["User"], "65532:65532");
  EXPECT_EQ(image["Entrypoint"], json::array({"/usr/bin/vnic-operator"}));
  EXPECT_EQ(image["Labels"]["org.opencontainers.image.title"], "vnic-operator");
  const CommandResult chart = Helm().run({"show", "chart", kChart});
  EXPECT_THAT(
      chart.out,
      HasSubstr("appVersion: " +
                image["Labels"]["org.opencontainers.image.version"].get<std::string>() + "\n"));
}

TEST_F(Image, HoldsTheOperatorAndItsLibrariesOnly) {
  std::uintmax_t bytes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root_)) {
    if (!entry.is_regular_file() || entry.is_symlink()) continue;
    bytes += entry.file_size();
    const auto permissions = entry.status().permissions();
    using std::filesystem::perms;
    EXPECT_EQ(permissions & (perms::set_uid | perms::set_gid | perms::others_write), perms::none)
        << entry.path();
  }
  EXPECT_LT(bytes, kMaxBytes);
  for (const char* shell : {"bin/sh", "usr/bin/sh", "usr/bin/bash", "usr/bin/apt-get"}) {
    EXPECT_FALSE(std::filesystem::exists(root_ / shell)) << shell;
  }
}

TEST_F(Image, RunsWithoutRootOnAReadOnlyRoot) {
  const json labels = config()["Labels"];
  const auto label = [&](const char* name) {
    return labels[std::string("org.opencontainers.image.") + name].get<std::string>();
  };
  TemporaryFolder folder;
  for (const char* program : {"vnic-operator", "vnic-agent"}) {
    const CommandResult version = run(folder.path(), program, {"--version"});
    EXPECT_EQ(version.out,
              program + (" " + label("version")) + " (commit " + label("revision") + ")\n")
        << version.err;
  }

  // It loads what libvirt's client needs, for TLS and for URIs (libxml2's).
  const CommandResult host = run(folder.path(), "vnic-operator",
                                 {"check-host", "qemu+tls://127.0.0.1:1/system?pkipath=/tmp"});
  EXPECT_THAT(host.out, HasSubstr("Cannot read CA certificate '/tmp/cacert.pem'")) << host.err;
}

TEST_F(Image, ReachesAnApiServer) {
  const ControlPlane cluster;
  TemporaryFolder folder;
  // Readable for the image's user, as a service account's files are for the Pod's.
  const CommandResult files =
      runCommand({"sh", "-euc",
                  "sed \"s|tokenFile: .*|tokenFile: /tmp/token|\" \"$0/operator.kubeconfig\" "
                  ">\"$1/kubeconfig\"; "
                  "cp \"$0/operator.token\" \"$1/token\"; chmod -R a+rX \"$1\"",
                  cluster.operatorKubeconfig().parent_path(), folder.path()});
  ASSERT_TRUE(files.ok()) << files.err;
  const CommandResult result =
      run(folder.path(), "vnic-operator", {"check-cluster", "--kubeconfig", "/tmp/kubeconfig"});
  EXPECT_THAT(result.out, HasSubstr("VmHost         is served and can be listed")) << result.err;
}

// What `docker build` would compile is what lies in its context: a folder that was forgotten there
// is missed by CMake.
TEST(Dockerfile, SeesAllThatItsBuildReads) {
  TemporaryFolder folder;
  std::ifstream ignored(sourcePath(".dockerignore"));
  std::string line;
  while (std::getline(ignored, line)) {
    if (!line.starts_with('!')) continue;
    const auto to = folder.path() / line.substr(1);
    std::filesystem::create_directories(to.parent_path());
    std::filesystem::copy(sourcePath(line.substr(1)), to, std::filesystem::copy_options::recursive);
  }
  const CommandResult result = runCommand(
      {"cmake", "-S", folder.path(), "--preset", "release", "-B", folder.path() / "build"});
  EXPECT_TRUE(result.ok()) << result.out << result.err;
}

}  // namespace
}  // namespace vnic::test
