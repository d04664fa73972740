// SPDX-License-Identifier: Apache-2.0
// From the line of a watch to the plan: the operator's whole object graph over an API server and
// hosts in memory, with 200 hosts of 128 VFs and 10,000 cached objects.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>

#include "api/names.h"
#include "app/controllers.h"
#include "bench/micro/samples.h"
#include "bench/micro/streaming_client.h"
#include "support/fake_kube_client.h"

namespace vnic::bench {
namespace {

using namespace std::chrono_literals;

constexpr WorldSize kWorld{.hosts = 200, .vfsPerHost = 128, .vms = 3000};
constexpr int kFinishedMigrations = 3800;

class NoEvents final : public runtime::EventSink {
 public:
  void record(const runtime::Event&) override {}
};

class RunningWorld {
 public:
  RunningWorld() {
    buildHosts(hosts_, kWorld);
    for (int i = 0; i < kWorld.hosts; ++i) add<api::VmHost>({"", hostName(i)}, hostSpec(i));
    add<api::VnicProfile>({"", "blue-standby"}, standbyProfile());
    add<api::VnicProfile>({"", "blue"}, failoverProfile());
    for (int i = 0; i < kWorld.vms; ++i) {
      add<api::Vnic>({kNamespace, vmName(i) + "-blue"}, vnicSpec(i));
    }
    for (int i = 0; i < kFinishedMigrations; ++i) {
      api::VmMigration past = migrationUnderway();
      past.metadata.name = fmt::format("past-{}", i);
      past.metadata.uid.clear();
      past.metadata.finalizers.clear();
      past.metadata.annotations = {{api::kFinishedAnnotation, "Succeeded"}};
      past.status.phase = "Succeeded";
      server_.add(past);
    }
    for (auto* informer : caches_.all()) informer->start();
    for (auto* informer : caches_.all()) informer->waitForSync(1min, {});
    controllers_.start();
    client_.awaitSilence(2s);
  }
  ~RunningWorld() {
    controllers_.stop();
    for (auto* informer : caches_.all()) informer->stop();
  }

  std::size_t cachedObjects() {
    return caches_.hosts.store().size() + caches_.profiles.store().size() +
           caches_.vnics.store().size() + caches_.reservations.store().size() +
           caches_.migrations.store().size();
  }

  Duration timeToPlan(int number) {
    const int vm = number % kWorld.vms;
    const std::string name = fmt::format("move-{:06}", number);
    const Duration took = client_.timeToPlan(name, vmUuid(vm), [&] {
      api::ObjectMeta meta;
      meta.ns = kNamespace;
      meta.name = name;
      api::VmMigrationSpec spec;
      spec.vmName = vmName(vm);
      (void)kube::createObject<api::VmMigration>(client_, meta, toJson(spec));
    });
    client_.awaitSilence(20ms);  // it runs to its end
    return took;
  }

 private:
  template <class T, class Spec>
  void add(const api::ObjectKey& key, const Spec& spec) {
    T object;
    object.metadata.ns = key.ns;
    object.metadata.name = key.name;
    object.spec = spec;
    server_.add(object);
  }

  test::FakeHypervisor hosts_;
  test::FakeKubeClient server_;
  StreamingClient client_{server_};
  SystemClock clock_;
  app::Options options_;
  app::Caches caches_{client_, clock_, Logger()};
  runtime::Metrics metrics_;
  NoEvents events_;
  app::Controllers controllers_{
      options_,
      {client_, hosts_, caches_, events_, clock_, metrics_, Logger(), [] { return Duration(1h); }}};
};

void eventToPlan(benchmark::State& state) {
  static RunningWorld world;
  static int number = 0;
  std::vector<double> times;
  for (auto _ : state) {
    times.push_back(std::chrono::duration<double>(world.timeToPlan(number++)).count());
    state.SetIterationTime(times.back());
  }
  std::sort(times.begin(), times.end());
  const auto quantile = [&](double q) {
    return 1000 * times.at(static_cast<std::size_t>(q * static_cast<double>(times.size() - 1)));
  };
  state.counters["p50_ms"] = quantile(0.5);
  state.counters["p99_ms"] = quantile(0.99);
  state.counters["objects"] = static_cast<double>(world.cachedObjects());
}
BENCHMARK(eventToPlan)->UseManualTime()->Iterations(500)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace vnic::bench
