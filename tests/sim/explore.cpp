// SPDX-License-Identifier: Apache-2.0
// Random histories, one after the other, until so many steps are made.
//
//   sim_explore [--steps N] [--seed S]           from that seed on
//   sim_explore --seed S --episodes 1 --keep 3,7   one history again, with these disturbances only
//   sim_explore --seed S --episodes 1 --keep none  with none of them
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <iostream>

#include "sim/episode.h"

int main(int argc, char** argv) {
  using namespace vnic::sim;
  std::uint64_t steps = 1'000'000;
  std::uint64_t seed = 1;
  std::uint64_t episodes = ~std::uint64_t{0};
  std::vector<std::string> keep;
  bool trace = false;
  CLI::App app("Random histories of the operator in a simulated world");
  app.add_option("--steps", steps, "end after that many steps");
  app.add_option("--seed", seed, "of the first history; the others follow");
  app.add_option("--episodes", episodes, "end after that many histories");
  app.add_option("--keep", keep, "only these disturbances, or none")->delimiter(',');
  app.add_flag("--trace", trace, "print what happened also when all is well");
  CLI11_PARSE(app, argc, argv);

  std::optional<std::set<std::size_t>> kept;
  if (!keep.empty()) kept.emplace();
  for (const std::string& number : keep) {
    if (number != "none") kept->insert(std::stoul(number));
  }
  std::uint64_t done = 0;
  std::uint64_t migrations = 0;
  std::uint64_t count = 0;
  ApiCalls most;
  const auto begun = std::chrono::steady_clock::now();
  for (; done < steps && count < episodes; ++count, ++seed) {
    const Outcome outcome = runEpisode(seed, kept);
    done += outcome.steps;
    migrations += outcome.migrations;
    most.all = std::max(most.all, outcome.mostCalls.all);
    most.writes = std::max(most.writes, outcome.mostCalls.writes);
    if (outcome.violation.empty()) {
      if (trace) std::cout << outcome.history << "\n";
      continue;
    }
    std::cout << fmt::format(
                     "seed {} breaks a promise: {}\nleaving out what it does not need ...\n", seed,
                     outcome.violation)
              << std::flush;
    const auto needed = kept ? *kept : shrink(seed, outcome.disturbances.size());
    const Outcome shrunk = runEpisode(seed, needed);
    std::cout << shrunk.history << "\n\nneeded:\n";
    for (const std::size_t i : needed) {
      if (i < outcome.disturbances.size()) {
        std::cout << fmt::format("  [{}] {}\n", i, outcome.disturbances[i]);
      }
    }
    std::cout << fmt::format("BROKEN: {}\nagain: {} --seed {} --episodes 1 --keep {}\n",
                             shrunk.violation, argv[0], seed,
                             needed.empty() ? "none" : fmt::format("{}", fmt::join(needed, ",")));
    return 1;
  }
  const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  std::cout << fmt::format(
      "{} steps in {} histories (seeds {} to {}), {} migrations, each with at most {} requests to "
      "the "
      "API server, {} of them writes; all promises kept; {:.0f} s\n",
      done, count, seed - count, seed - 1, migrations, most.all, most.writes, took);
  return 0;
}
