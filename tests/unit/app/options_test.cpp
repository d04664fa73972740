// SPDX-License-Identifier: Apache-2.0
#include "app/options.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace vnic::app {
namespace {

Options run(const std::vector<std::string>& arguments) {
  const Command command = parseCommandLine(arguments);
  if (const auto* exit = std::get_if<Exit>(&command)) ADD_FAILURE() << exit->text;
  return std::holds_alternative<Options>(command) ? std::get<Options>(command) : Options{};
}

Exit refused(const std::vector<std::string>& arguments) {
  const Command command = parseCommandLine(arguments);
  if (!std::holds_alternative<Exit>(command)) return {0, "accepted"};
  return std::get<Exit>(command);
}

class ConfigFile {
 public:
  explicit ConfigFile(const std::string& text)
      : path_(testing::TempDir() + "config-" + std::to_string(getpid()) + ".yaml") {
    std::ofstream(path_) << text;
  }
  ~ConfigFile() { unlink(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

constexpr char kHeader[] = "apiVersion: config.vnic.dev/v1alpha1\nkind: OperatorConfiguration\n";

TEST(Options, FlagBeatsEnvironmentBeatsFile) {
  const ConfigFile file(std::string(kHeader) +
                        "workers: 7\nkubeApiQps: 11\nmaxParallelMigrations: 3\n");
  setenv("VNIC_OPERATOR_WORKERS", "8", 1);
  setenv("VNIC_OPERATOR_KUBE_API_QPS", "12", 1);
  const Options options = run({"--config", file.path(), "--kube-api-qps", "13"});
  unsetenv("VNIC_OPERATOR_WORKERS");
  unsetenv("VNIC_OPERATOR_KUBE_API_QPS");
  EXPECT_EQ(options.maxParallelMigrations, 3);
  EXPECT_EQ(options.workers, 8);
  EXPECT_EQ(options.kubeApiQps, 13);
}

TEST(Options, FileSetsFlagsAndEnums) {
  const ConfigFile file(std::string(kHeader) + "leaderElect: false\nlogFormat: text\n");
  const Options options = run({"--config", file.path()});
  EXPECT_FALSE(options.leaderElect);
  EXPECT_EQ(options.logFormat, LogFormat::Text);
}

TEST(Options, WrongFilesAreRefusedWithTheKey) {
  const struct {
    std::string text, says;
  } cases[] = {
      {"workers: 1\n", "apiVersion"},
      {std::string(kHeader) + "wrokers: 1\n", "wrokers"},
      {std::string(kHeader) + "workers: [1]\n", "workers"},
      {std::string(kHeader) + "workers: many\n", "workers"},
      {std::string(kHeader) + "workers: 0\n", "workers"},
      {std::string(kHeader) + "? [a, b]\n: 1\n", "no name"},
      {"a: [", "YAML"},
  };
  for (const auto& c : cases) {
    const ConfigFile file(c.text);
    const Exit exit = refused({"--config", file.path()});
    EXPECT_EQ(exit.code, 2) << c.text;
    EXPECT_NE(exit.text.find(c.says), std::string::npos) << c.text << " -> " << exit.text;
  }
}

TEST(Options, LeaseTimesMustFitTogether) {
  EXPECT_EQ(refused({"--lease-duration-seconds", "10", "--renew-deadline-seconds", "10"}).code, 2);
  EXPECT_EQ(refused({"--renew-deadline-seconds", "2", "--retry-period-seconds", "2"}).code, 2);
}

TEST(Options, CheckHostIsACommandOfItsOwn) {
  const Command command = parseCommandLine({"check-host", "qemu+tls://h/system", "--peer", "x"});
  ASSERT_TRUE(std::holds_alternative<CheckHostOptions>(command));
  EXPECT_EQ(std::get<CheckHostOptions>(command).uri, "qemu+tls://h/system");
  EXPECT_EQ(std::get<CheckHostOptions>(command).peerURI, "x");
}

TEST(Options, DescribeHostKnowsTheOperatorsNamespace) {
  const Command command =
      parseCommandLine({"--namespace", "vnic", "describe-host", "qemu+tls://h/system"});
  ASSERT_TRUE(std::holds_alternative<DescribeHostOptions>(command));
  EXPECT_EQ(std::get<DescribeHostOptions>(command).uri, "qemu+tls://h/system");
  EXPECT_EQ(std::get<DescribeHostOptions>(command).ns, "vnic");
  EXPECT_EQ(refused({"describe-host"}).code, 2);
}

TEST(Options, VersionAndHelpSucceed) {
  EXPECT_EQ(refused({"--version"}).code, 0);
  EXPECT_NE(refused({"--help"}).text.find("--max-parallel-migrations"), std::string::npos);
}

TEST(Options, UriOfNodesNamesThem) {
  EXPECT_EQ(run({"--node-libvirt-uri", "qemu+tls://{name}/system"}).nodeLibvirtURI,
            "qemu+tls://{name}/system");
  EXPECT_NE(refused({"--node-libvirt-uri", "qemu+tls://host/system"}).text.find("must have {name}"),
            std::string::npos);
  EXPECT_NE(refused({"--node-libvirt-uri", "qemu+tls://{host}/system"})
                .text.find("there is {internalIP}, {name}"),
            std::string::npos);
  EXPECT_NE(refused({"--node-libvirt-uri", "qemu+tls://{name/system"}).text.find("no partner"),
            std::string::npos);
}

}  // namespace
}  // namespace vnic::app
