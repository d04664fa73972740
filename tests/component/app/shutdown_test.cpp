// SPDX-License-Identifier: Apache-2.0
// SIGTERM at every stage of an operator's life, with an API server that answers, or does no more.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "api/vm_host.h"
#include "api/vnic_profile.h"
#include "runtime/lease.h"
#include "support/command.h"
#include "support/eventually.h"
#include "support/fake_api_server.h"

namespace vnic::test {
namespace {

using namespace std::chrono_literals;
using runtime::Lease;

constexpr auto kPatience = 60s;
// Kubernetes kills after 30 s.
constexpr auto kGrace = 26s;
const api::ObjectKey kLease{"operator", "vnic-operator"};

bool isOn(const PeerRequest& r, const std::string& method, const std::string& part) {
  return r.method == method && r.target.find(part) != std::string::npos;
}
bool releases(const PeerRequest& r) {
  return isOn(r, "PUT", "leases") && r.body.find("\"holderIdentity\":\"\"") != std::string::npos;
}

void never(PeerConnection& c) {
  c.waitUntilClosed();
}
void forEver(PeerConnection& c) {
  c.beginChunked(200, {{"Content-Type", "application/json"}});
  while (c.chunk(" ")) std::this_thread::sleep_for(20ms);
}
void later(PeerConnection& c) {
  c.respond(429, R"({"kind":"Status","code":429})", {{"Retry-After", "12"}});
}

class Kubeconfig {
 public:
  explicit Kubeconfig(const std::string& server) {
    std::ofstream(path_) << "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
                            "clusters: [{name: c, cluster: {server: \""
                         << server
                         << "\"}}]\n"
                            "users: [{name: u, user: {token: t}}]\n"
                            "contexts: [{name: c, context: {cluster: c, user: u}}]\n";
  }
  ~Kubeconfig() { std::filesystem::remove(path_); }
  Kubeconfig(const Kubeconfig&) = delete;
  Kubeconfig& operator=(const Kubeconfig&) = delete;
  const std::string& path() const { return path_; }

 private:
  const std::string path_ =
      std::filesystem::temp_directory_path() / ("vnic-shutdown-" + std::to_string(::getpid()));
};

ChildProcess startOperator(const Kubeconfig& kubeconfig,
                           const std::vector<std::string>& options = {}) {
  std::vector<std::string> argv{VNIC_OPERATOR,
                                "--kubeconfig",
                                kubeconfig.path(),
                                "--namespace",
                                kLease.ns,
                                "--health-bind-address",
                                "127.0.0.1:0",
                                "--metrics-bind-address",
                                "127.0.0.1:0",
                                "--log-format",
                                "text"};
  argv.insert(argv.end(), options.begin(), options.end());
  return ChildProcess(argv);
}

bool eventually(const std::function<bool()>& condition) {
  return test::eventually(kPatience, condition);
}

struct Stage {
  const char* name;
  // The request at which the signal comes; it is answered by `answer`, or as usual.
  bool (*reached)(const PeerRequest&);
  void (*answer)(PeerConnection&) = nullptr;
  bool released = true;  // nobody holds the Lease afterwards
};
std::ostream& operator<<(std::ostream& out, const Stage& stage) {
  return out << stage.name;
}

class ShutdownTest : public ::testing::TestWithParam<Stage> {
 protected:
  ShutdownTest() {
    api::VnicProfile profile;  // makes for passes, and for writes in them
    profile.metadata.name = "blue";
    profile.spec.network = "blue";
    server_.objects().add(profile);
  }
  bool interfere(const PeerRequest& request, PeerConnection& connection) {
    const Stage& stage = GetParam();
    if (!stage.reached(request)) return false;
    reached_ = true;
    if (stage.answer == nullptr) return false;
    stage.answer(connection);
    return true;
  }
  std::atomic<bool> reached_ = false;
  FakeApiServer server_{[this](const PeerRequest& request, PeerConnection& connection) {
    return interfere(request, connection);
  }};
  const Kubeconfig kubeconfig_{server_.url()};
};

TEST_P(ShutdownTest, IsOrderlyAndInTime) {
  if (std::string(GetParam().name) == "Following") {
    Lease others;
    others.metadata.ns = kLease.ns;
    others.metadata.name = kLease.name;
    ASSERT_TRUE(kube::createObject<Lease>(
        server_.objects(), others.metadata,
        toJson(runtime::LeaseRecord{"other", 3600, "2026-01-01T00:00:00.000000Z",
                                    "2026-01-01T00:00:00.000000Z", 1})));
  }
  ChildProcess process = startOperator(kubeconfig_);
  ASSERT_TRUE(eventually([&] { return reached_.load(); })) << process.output();
  process.signal(SIGTERM);
  const auto code = process.end(kGrace);
  ASSERT_TRUE(code) << "does not end in time\n" << process.output();
  EXPECT_EQ(*code, 0) << process.output();
  const auto lease = kube::getObject<Lease>(server_.objects(), kLease);
  const std::string holder = lease ? lease->spec.holder : "";
  if (std::string(GetParam().name) == "Following") {
    EXPECT_EQ(holder, "other");
  } else {
    EXPECT_EQ(holder.empty(), GetParam().released) << process.output();
  }
}

// A pass that waits for a host cannot be cut; its time is bounded all the same.
TEST(ShutdownWithAHost, ThatNeverAnswersIsInTime) {
  std::atomic<bool> asked = false;
  LoopbackPeer libvirt({}, [](const PeerRequest&, PeerConnection&) {});
  FakeApiServer server([&](const PeerRequest& request, PeerConnection&) {
    if (isOn(request, "POST", "leases")) asked = true;
    return false;
  });
  api::VmHost host;
  host.metadata.name = "host1";
  host.spec.physicalFunctions = {{"enp1s0", {"blue"}}};
  host.spec.libvirtURI = "qemu+tcp://127.0.0.1:" + std::to_string(libvirt.port()) + "/system";
  server.objects().add(host);
  const Kubeconfig kubeconfig(server.url());
  ChildProcess process = startOperator(kubeconfig, {"--allow-insecure-libvirt"});
  ASSERT_TRUE(eventually([&] { return libvirt.connectionsAccepted() > 0; })) << process.output();
  EXPECT_TRUE(asked) << "hosts are for the leader";
  process.signal(SIGTERM);
  const auto code = process.end(kGrace);
  ASSERT_TRUE(code) << "does not end in time\n" << process.output();
  EXPECT_EQ(*code, 0) << process.output();
}

INSTANTIATE_TEST_SUITE_P(
    At, ShutdownTest,
    ::testing::Values(
        Stage{"FirstList", [](const PeerRequest& r) { return isOn(r, "GET", "vmhosts"); }, never},
        Stage{"EndlessList", [](const PeerRequest& r) { return isOn(r, "GET", "vmhosts"); },
              forEver},
        Stage{"BusyList", [](const PeerRequest& r) { return isOn(r, "GET", "vmhosts"); }, later},
        Stage{"ReadingTheLease", [](const PeerRequest& r) { return isOn(r, "GET", "leases"); },
              never},
        Stage{"MakingTheLease", [](const PeerRequest& r) { return isOn(r, "POST", "leases"); },
              never},
        Stage{"Following", [](const PeerRequest& r) { return isOn(r, "GET", "leases"); }},
        Stage{"BecomingLeader", [](const PeerRequest& r) { return isOn(r, "POST", "leases"); }},
        Stage{"FirstWrite", [](const PeerRequest& r) { return isOn(r, "PATCH", "vnicprofiles"); }},
        Stage{"WriteWithoutAnswer",
              [](const PeerRequest& r) { return isOn(r, "PATCH", "vnicprofiles"); }, never},
        Stage{"BusyWrite", [](const PeerRequest& r) { return isOn(r, "PATCH", "vnicprofiles"); },
              later},
        Stage{"Renewing",
              [](const PeerRequest& r) { return isOn(r, "PUT", "leases") && !releases(r); }},
        // What it was going to write is not known to have failed: the Lease ends by itself, or the
        // release finds it.
        Stage{"RenewingWithoutAnswer",
              [](const PeerRequest& r) { return isOn(r, "PUT", "leases") && !releases(r); },
              never}),
    [](const auto& info) { return std::string(info.param.name); });

INSTANTIATE_TEST_SUITE_P(Silent, ShutdownTest,
                         ::testing::Values(Stage{"OnceLeading",
                                                 [](const PeerRequest& r) {
                                                   static std::atomic<bool> leading = false;
                                                   return leading.exchange(
                                                       leading || isOn(r, "POST", "leases"));
                                                 },
                                                 never, false}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace vnic::test
