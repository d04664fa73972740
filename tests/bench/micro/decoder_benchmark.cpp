// SPDX-License-Identifier: Apache-2.0
// A line of a watch becomes an object.
#include <benchmark/benchmark.h>

#include <nlohmann/json.hpp>

#include "bench/micro/samples.h"
#include "kube/watch_decoder.h"

namespace vnic::bench {
namespace {

template <class T>
void decode(benchmark::State& state, const T& object) {
  const std::string line = watchLine("MODIFIED", object);
  kube::WatchDecoder decoder;
  for (auto _ : state) {
    const auto event = decoder.decode(line);
    auto decoded = T::decode(event->object);
    benchmark::DoNotOptimize(decoded);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(line.size()) * state.iterations());
}

void decodeMigration(benchmark::State& state) {
  decode(state, migrationUnderway());
}
void decodeReservation(benchmark::State& state) {
  decode(state, reservation(0, 0));
}
void decodeHost(benchmark::State& state) {
  decode(state, hostWithStatus(128));
}

BENCHMARK(decodeMigration);
BENCHMARK(decodeReservation);
BENCHMARK(decodeHost);

}  // namespace
}  // namespace vnic::bench
