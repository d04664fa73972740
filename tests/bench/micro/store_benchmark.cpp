// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include "bench/micro/samples.h"
#include "cache/store.h"

namespace vnic::bench {
namespace {

using Store = cache::Store<api::VfReservation>;

constexpr int kHosts = 200;

std::shared_ptr<const api::VfReservation> object(int number) {
  auto r = std::make_shared<api::VfReservation>(reservation(number, number % kHosts));
  r->metadata.name = fmt::format("object-{:06}", number);
  return r;
}

void fill(Store& store, std::int64_t count) {
  store.addIndex("host", [](const auto& r) { return std::vector{r.spec.hostName}; });
  for (int i = 0; i < count; ++i) store.put(object(i));
}

void put(benchmark::State& state) {
  Store store;
  fill(store, state.range(0));
  const auto again = object(1);
  for (auto _ : state) store.put(again);
}

void get(benchmark::State& state) {
  Store store;
  fill(store, state.range(0));
  const api::ObjectKey key{"", "object-000001"};
  for (auto _ : state) benchmark::DoNotOptimize(store.get(key));
}

void list(benchmark::State& state) {
  Store store;
  fill(store, state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(store.list());
}

void byIndex(benchmark::State& state) {
  Store store;
  fill(store, state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(store.byIndex("host", hostName(1)));
}

BENCHMARK(put)->Arg(1000)->Arg(10000)->Arg(100000);
BENCHMARK(get)->Arg(1000)->Arg(10000)->Arg(100000);
BENCHMARK(list)->Arg(1000)->Arg(10000)->Arg(100000);
BENCHMARK(byIndex)->Arg(1000)->Arg(10000)->Arg(100000);

}  // namespace
}  // namespace vnic::bench
