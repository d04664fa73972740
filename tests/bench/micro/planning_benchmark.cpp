// SPDX-License-Identifier: Apache-2.0
// Pure decisions: what a host has, and which NIC gets which VF.
#include <benchmark/benchmark.h>

#include "bench/micro/samples.h"
#include "domain/matching.h"

namespace vnic::bench {
namespace {

struct Host {
  explicit Host(int vms) {
    const WorldSize world{1, 128, vms};
    buildHosts(hosts, world);
    object.metadata.name = hostName(0);
    object.spec = hostSpec(0);
    hosts.setHost(hostName(0), object.spec.libvirtURI);
    snapshot = *hosts.snapshot(hostName(0));
    domains = domain::parseDomains(snapshot.domains);
    for (int vm = 0; vm < vms; ++vm) {
      reservations.push_back(std::make_shared<api::VfReservation>(reservation(vm, 0)));
    }
  }

  domain::VfInventory inventory() const {
    return domain::buildInventory(object, snapshot, domains, reservations);
  }

  api::VmHost object;
  test::FakeHypervisor hosts;
  hypervisor::HostSnapshot snapshot;
  std::vector<domain::ParsedDomain> domains;
  std::vector<domain::ReservationPtr> reservations;
};

void parseDomain(benchmark::State& state) {
  const Host host(1);
  for (auto _ : state) {
    benchmark::DoNotOptimize(domain::parseDomain(host.snapshot.domains[0].liveXml));
  }
}
BENCHMARK(parseDomain);

// 128 VFs and so many VMs.
void inventory(benchmark::State& state) {
  const Host host(static_cast<int>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(host.inventory());
}
BENCHMARK(inventory)->Arg(0)->Arg(16)->Arg(64);

// So many NICs, two PFs with 64 free VFs each.
void matching(benchmark::State& state) {
  const Host host(0);
  const auto supply = domain::freeSupply(host.inventory());
  const std::vector<std::string> networks(static_cast<std::size_t>(state.range(0)), "tenant-blue");
  for (auto _ : state) benchmark::DoNotOptimize(domain::matchVfs(networks, supply));
}
BENCHMARK(matching)->Arg(1)->Arg(8)->Arg(32);

}  // namespace
}  // namespace vnic::bench
