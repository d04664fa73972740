// SPDX-License-Identifier: Apache-2.0
// What one migration costs the API server. Kept here, so that it does not grow unnoticed.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>

#include "conformance/operator/audit_log.h"
#include "conformance/operator/cluster.h"
#include "support/tcp_relay.h"

namespace vnic::test {
namespace {

constexpr char kUser[] = "system:serviceaccount:vnic-operator-system:vnic-operator";
constexpr int kMigrations = 10;

// Requests of a migration with one failover NIC, on average.
struct Golden {
  const char* request;
  double atLeast;
  double atMost;
  const char* why;
};

const std::vector<Golden> kGolden{
    {"create events", 7, 7, "one for each phase, no node agent, the VF that was released"},
    {"create leases", 1, 1, "the VM is claimed"},
    {"create vfreservations", 1, 1, "the target's VF"},
    {"delete leases", 1, 1, "the claim is given back"},
    {"delete vfreservations", 1, 2,
     "the source's VF; a second pass may come before the first is seen"},
    {"get leases", 4, 8,
     "claim, release; the Vnic looks once whether it left a claim behind; is a node agent alive"},
    {"get vfreservations", 0, 1, "only when a reservation is there already"},
    {"get vmhosts", 2, 4,
     "the truth before a reservation goes: before the deletion, and at its end"},
    {"get vmmigrations", 2, 4, "the same"},
    {"get vnics", 2, 4, "the same"},
    {"patch vfreservations", 4, 5, "Return, InUse, Releasing, finalizer"},
    {"patch vmhosts/status", 2, 8, "both hosts, once for each half second in which one changes"},
    {"patch vmmigrations", 3, 4, "finalizer, annotation, finalizer"},
    {"patch vmmigrations/status", 7, 9, "a decision or a step each"},
    {"patch vnicprofiles/status", 1, 6, "free VFs, once for each half second in which they change"},
    {"patch vnics/status", 2, 7, "moving, without VF, on the other host, with its VF"},
    {"update leases", 0, 10, "the leader's, every two seconds"},
};
// All of these together.
constexpr double kRequests = 60;
// With HTTP headers and TLS. What comes back is more: each write is answered with the whole object,
// and a watch brings it again.
constexpr double kKibSent = 80, kKibReceived = 320;

using Counts = std::map<std::string, int>;

// A kubeconfig that leads through the relay.
class RelayedKubeconfig {
 public:
  RelayedKubeconfig(const ControlPlane& controlPlane, std::uint16_t relayPort)
      : path_(controlPlane.operatorKubeconfig().string() + ".relayed") {
    std::string text = read(controlPlane.operatorKubeconfig());
    const auto [at, length] = portIn(text);
    text.replace(at, length, std::to_string(relayPort));
    std::ofstream(path_) << text;
  }
  const std::string& path() const { return path_; }

  static std::uint16_t apiServerPort(const ControlPlane& controlPlane) {
    const std::string text = read(controlPlane.operatorKubeconfig());
    const auto [at, length] = portIn(text);
    return static_cast<std::uint16_t>(std::stoi(text.substr(at, length)));
  }

 private:
  static std::string read(const std::filesystem::path& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static std::pair<std::size_t, std::size_t> portIn(const std::string& text) {
    const std::string before = "server: https://127.0.0.1:";
    const std::size_t at = text.find(before) + before.size();
    return {at, text.find_first_not_of("0123456789", at) - at};
  }

  std::string path_;
};

Counts requestsSoFar(const Cluster& cluster) {
  Counts counts;
  for (const auto& request : readAuditLog(cluster.controlPlane().auditLog(), kUser)) {
    ++counts[request.permission.verb + " " + request.permission.resource];
  }
  return counts;
}

// What is only told after a moment has been told: the hosts and the profile know of every move.
void awaitAllTold(Cluster& cluster, int onHost1, int onHost2) {
  const auto told = [&](const char* name, int inUse) {
    cluster.await<api::VmHost>({"", name}, "up to date", [&](const api::VmHost& host) {
      const auto& totals = host.status.virtualFunctions;
      return totals.inUse == inUse && totals.reserved == 0;
    });
  };
  told("host1", onHost1);
  told("host2", onHost2);
  cluster.await<api::VnicProfile>({"", "blue"}, "up to date", [&](const api::VnicProfile& p) {
    return p.status.hosts.size() == 2 && p.status.hosts[0].freeVirtualFunctions == 64 - onHost1 &&
           p.status.hosts[1].freeVirtualFunctions == 64 - onHost2;
  });
}

TEST(ApiCalls, OfOneMigrationAreAsFewAsEver) {
  ControlPlane::Options options;
  options.audit = true;
  Cluster cluster(options);
  TcpRelay relay("127.0.0.1", RelayedKubeconfig::apiServerPort(cluster.controlPlane()));
  const RelayedKubeconfig kubeconfig(cluster.controlPlane(), relay.port());
  cluster.startOperator(kubeconfig.path());
  std::vector<Guest> guests;
  for (int i = 0; i < kMigrations; ++i) guests.push_back(cluster.addGuest("host1"));
  awaitAllTold(cluster, kMigrations, 0);

  const Counts before = requestsSoFar(cluster);
  const std::size_t sent = relay.sent(), received = relay.received();
  for (int i = 0; i < kMigrations; ++i) {
    cluster.awaitEnd(cluster.migrate(guests[static_cast<std::size_t>(i)]), "Succeeded");
    cluster.awaitSettled(guests[static_cast<std::size_t>(i)], "host2");
    awaitAllTold(cluster, kMigrations - i - 1, i + 1);
  }
  const auto perMigration = [](std::size_t total) {
    return static_cast<double>(total) / kMigrations;
  };
  const double kibSent = perMigration(relay.sent() - sent) / 1024;
  const double kibReceived = perMigration(relay.received() - received) / 1024;
  Counts counts = requestsSoFar(cluster);
  cluster.stopOperator();
  for (const auto& [request, count] : before) counts[request] -= count;

  std::string found;
  double all = 0;
  for (const auto& [request, count] : counts) {
    if (count == 0) continue;
    all += perMigration(static_cast<std::size_t>(count));
    found += fmt::format("  {:5.1f} {}\n", perMigration(static_cast<std::size_t>(count)), request);
  }
  found += fmt::format("  {:5.1f} requests, {:.1f} KiB sent, {:.1f} KiB received\n", all, kibSent,
                       kibReceived);
  std::cout << "Of one migration:\n" << found;

  for (const Golden& golden : kGolden) {
    const double count = perMigration(static_cast<std::size_t>(counts[golden.request]));
    EXPECT_GE(count, golden.atLeast) << golden.request << ": " << golden.why;
    EXPECT_LE(count, golden.atMost) << golden.request << ": " << golden.why;
    counts.erase(golden.request);
  }
  for (const auto& [request, count] : counts) {
    EXPECT_EQ(count, 0) << request << " is no part of a migration";
  }
  EXPECT_LE(all, kRequests);
  EXPECT_LE(kibSent, kKibSent);
  EXPECT_LE(kibReceived, kKibReceived);
}

}  // namespace
}  // namespace vnic::test
