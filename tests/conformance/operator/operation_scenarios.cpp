// SPDX-License-Identifier: Apache-2.0
#include <stdexcept>

#include "api/names.h"
#include "conformance/operator/scenarios.h"

namespace vnic::test {
namespace {

void awaitConnected(Cluster& cluster, const char* host, const std::string& wanted) {
  cluster.await<api::VmHost>({"", host}, wanted, [&](const api::VmHost& h) {
    return conditionOf(h.status.conditions, api::condition::kConnected) == wanted;
  });
}

void setAvailability(Cluster& cluster, const char* host, const char* availability) {
  cluster.patch<api::VmHost>({"", host}, {{"spec", {{"availability", availability}}}});
}

void hostGoesAndComesBack(Cluster& cluster) {
  awaitConnected(cluster, "host2", "True Connected");
  cluster.hosts().setAway("host2", true);
  awaitConnected(cluster, "host2", "False Unreachable");
  cluster.hosts().setAway("host2", false);
  awaitConnected(cluster, "host2", "True Connected");
}

void hostOutOfService(Cluster& cluster) {
  const Guest guest = cluster.addGuest("host2");
  setAvailability(cluster, "host2", "OutOfService");
  cluster.awaitGone<api::VfReservation>({"", api::VfReservation::nameFor("host2", guest.nic.vf)});
  setAvailability(cluster, "host2", "Enabled");
  cluster.awaitSettled(guest, "host2");
}

void handOver(Cluster& cluster) {
  const Guest guest = cluster.addGuest("host1");
  cluster.handOver();
  cluster.awaitEnd(cluster.migrate(guest), "Succeeded");
  cluster.awaitSettled(guest, "host2");
}

// Needs takeNodes().
void nodeBecomesHost(Cluster& cluster) {
  const auto kubectl = [&](const std::vector<std::string>& arguments, const char* input) {
    const CommandResult done = cluster.controlPlane().kubectl(arguments, input);
    if (!done.ok()) throw std::runtime_error(done.err);
  };
  cluster.hosts().addHost("node1", 0);
  kubectl({"create", "-f", "-"},
          "{apiVersion: v1, kind: Node, metadata: {name: node1, labels: {vnic.dev/vm-host: "
          "'true'}}}");
  awaitConnected(cluster, "node1", "True Connected");
  kubectl({"cordon", "node1"}, "");
  cluster.await<api::VmHost>({"", "node1"}, "NoInbound", [](const api::VmHost& host) {
    return host.spec.availability == "NoInbound";
  });
}

}  // namespace

std::vector<Scenario> operationScenarios() {
  return {{"a host goes and comes back", hostGoesAndComesBack},
          {"a host is out of service", hostOutOfService},
          {"another operator takes over", handOver},
          {"a Node becomes a host", nodeBecomesHost}};
}

}  // namespace vnic::test
