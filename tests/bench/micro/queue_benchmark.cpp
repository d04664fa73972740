// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include <fmt/format.h>

#include <vector>

#include "queue/work_queue.h"

namespace vnic::bench {
namespace {

std::vector<api::ObjectKey> keys(std::int64_t count) {
  std::vector<api::ObjectKey> result;
  for (int i = 0; i < count; ++i) result.push_back({"bench", fmt::format("object-{:06}", i)});
  return result;
}

// A key goes through the queue while so many others wait in it.
void throughFullQueue(benchmark::State& state) {
  SystemClock clock;
  queue::WorkQueue queue(clock);
  const auto all = keys(state.range(0));
  for (const auto& key : all) queue.add(key);
  for (auto _ : state) {
    const auto item = queue.tryGet();
    queue.done(item->key);
    queue.add(item->key);
  }
}
BENCHMARK(throughFullQueue)->Arg(1)->Arg(1000)->Arg(100000);

// What events of a busy object cost: its key is there already.
void addAgain(benchmark::State& state) {
  SystemClock clock;
  queue::WorkQueue queue(clock);
  const auto all = keys(state.range(0));
  for (const auto& key : all) queue.add(key);
  std::size_t next = 0;
  for (auto _ : state) queue.add(all[next++ % all.size()]);
}
BENCHMARK(addAgain)->Arg(1000)->Arg(100000);

}  // namespace
}  // namespace vnic::bench
